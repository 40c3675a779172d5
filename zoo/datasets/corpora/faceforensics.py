"""FaceForensics++ (Rössler et al., 2019, arXiv:1901.08971): five manipulations of 1,000 YouTube videos."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import APART, RATIOS, check_ratios, split_people
from zoo.datasets.corpora.sequences import MANIPULATED, ORIGINAL, choose_compression, masks_of, videos_of
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in, folders_in, read_json
from zoo.datasets.splits import SPLITS
from zoo.errors import ConfigError, DataError
from zoo.structures import FAKE, REAL, VideoRecord

METHODS: Final = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
_YOUTUBE: Final = "youtube"
_OTHER_CORPUS: Final = "DeepFakeDetection"
_NESTED: Final = (".", "FaceForensics++", "FaceForensics", "faceforensics")
_NUMBER: Final = re.compile(r"\d{3,}")
_NAME: Final = re.compile(r"\d{3,}(_\d{3,})?")
_PAIR: Final = re.compile(r"\d{3,}_\d{3,}")


@dataclass(frozen=True, slots=True)
class _Source:
    """A folder of videos: of the genuine ones (``youtube``) or of one method."""

    name: str
    folder: PurePosixPath
    masks: Mapping[str, str] = field(default_factory=dict)
    has_audio: bool | None = None

    @property
    def label(self) -> int:
        return REAL if self.name == _YOUTUBE else FAKE


@dataclass(frozen=True, slots=True)
class _Video:
    source: _Source
    file: str

    @property
    def stem(self) -> str:
        return Path(self.file).stem

    @property
    def path(self) -> PurePosixPath:
        return self.source.folder / self.file

    @property
    def numbers(self) -> list[str]:
        """Of the YouTube videos it was made of: target and source of a fake, itself of a genuine one."""
        return self.stem.split("_") if _NAME.fullmatch(self.stem) else []

    @property
    def video_id(self) -> str:
        return f"{FaceForensics.name}/{self.source.name}/{self.stem}"


class FaceForensics(Corpus):
    """Reader of FaceForensics++, in its own tree or as ``raw/real/*`` and ``raw/fake/<method>/*``.

    The official splits, ``splits/{train,val,test}.json`` with pairs of numbers, are used where they are there; both
    numbers of a fake must be in a split. A video outside of them is left out and counted, and one that they name and
    that is not there is missing. Without them, videos that were made of each other are kept together. The splits
    themselves leak a few people; see `zoo.datasets.corpora.known_leaks`.

    Args:
        compression: ``raw``, ``c23`` or ``c40``; the one that is there if None.
        splits: folder of the three JSON files, if it is not ``splits`` in the corpus.
        ratios: share of the videos a split, where there are no official splits.
        seed: of the order in which groups are given to splits, likewise.
        max_skipped: the largest share of listed files that may be missing or unreadable.

    Raises:
        ConfigError: ``ratios`` are not positive or do not sum to 1.
    """

    name = "ff++"
    looked_for = (
        "original_sequences/youtube/{raw,c23,c40}/videos/000.mp4",
        f"manipulated_sequences/{{{','.join(METHODS)}}}/{{raw,c23,c40}}/videos/000_003.mp4",
        "raw/real/*.mp4 with raw/fake/<method>/000_003.mp4",
    )

    def __init__(
        self,
        *,
        compression: str | None = None,
        splits: str | os.PathLike | None = None,
        ratios: Mapping[str, float] = RATIOS,
        seed: int = 0,
        max_skipped: float = 0.01,
    ):
        super().__init__(max_skipped=max_skipped)
        check_ratios(ratios)
        self.compression = compression
        self.splits = splits
        self.ratios = dict(ratios)
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if _is_official(folder):
                return folder
            if _holds_pairs(folder / "raw"):
                return folder / "raw"
            if set(METHODS) & set(folders_in(folder / "fake")) and _holds_pairs(folder):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        sources = list(self._official_sources(root) if _is_official(root) else self._plain_sources(root))
        found: dict[str, _Video] = {}
        seen: set[str] = set()
        skipped: dict[str, str] = {}
        for source in sources:
            for file in files_in(root / source.folder, VIDEO_SUFFIXES):
                video = _Video(source, file)
                fault = "another file has its name" if video.video_id in seen else file_fault(root / video.path)
                seen.add(video.video_id)
                if fault is None:
                    found[video.video_id] = video
                else:
                    skipped[str(video.path)] = fault
        pairs = self._official_pairs(root)
        videos = [found[video_id] for video_id in sorted(found)]
        if pairs is None:
            people = [frozenset(video.numbers or [video.video_id]) for video in videos]
            splits = split_people(people, ratios=self.ratios, seed=self.seed, where=root) if videos else []
            reason = APART
        else:
            skipped |= _absent(sources, pairs, seen)
            by_number = split_of_numbers(pairs)
            splits = [_common_split([by_number.get(number) for number in video.numbers]) for video in videos]
            reason = "in no official split"
        return CorpusScan(
            records=tuple(
                self._record(root, video, split) for video, split in zip(videos, splits, strict=True) if split
            ),
            skipped=skipped,
            excluded={str(video.path): reason for video, split in zip(videos, splits, strict=True) if not split},
        )

    def _official_sources(self, root: Path) -> Iterator[_Source]:
        methods = [name for name in folders_in(root / MANIPULATED) if name != _OTHER_CORPUS]
        folders = {_YOUTUBE: ORIGINAL / _YOUTUBE, **{name: MANIPULATED / name for name in methods}}
        compression = choose_compression(root, folders.values(), self.compression)
        for name, folder in folders.items():
            if (root / videos_of(folder, compression)).is_dir():
                yield _Source(name, videos_of(folder, compression), masks_of(root, folder), has_audio=False)

    def _plain_sources(self, root: Path) -> Iterator[_Source]:
        if self.compression is not None:
            raise ConfigError(
                f"Compression {self.compression!r} is asked for, and this tree does not tell compressions.",
                where=root,
                next_step="Leave the argument out.",
            )
        yield _Source(_YOUTUBE, PurePosixPath("real"))
        yield _Source("fake", PurePosixPath("fake"))
        for name in folders_in(root / "fake"):
            yield _Source(name, PurePosixPath("fake", name))

    def _official_pairs(self, root: Path) -> dict[str, list[list[str]]] | None:
        if self.splits:
            return read_pairs(Path(self.splits), required=True)
        return read_pairs(root / "splits") or (read_pairs(root.parent / "splits") if root.name == "raw" else None)

    def _record(self, root: Path, video: _Video, split: str) -> VideoRecord:
        fake = video.source.label == FAKE
        made_of = [f"{self.name}/{_YOUTUBE}/{number}" for number in video.numbers] if fake else []
        return VideoRecord(
            video_id=video.video_id,
            path=str(root / video.path),
            corpus=self.name,
            split=split,
            label=video.source.label,
            method=video.source.name if fake else "real",
            identities=frozenset(f"{self.name}/{number}" for number in video.numbers),
            source_videos=frozenset(made_of),
            video_fake=fake,
            audio_fake=False,
            has_audio=video.source.has_audio,
            original=made_of[0] if made_of else None,
            mask_path=video.source.masks.get(video.stem),
        )


def _is_official(folder: Path) -> bool:
    return (folder / ORIGINAL / _YOUTUBE).is_dir() or any((folder / MANIPULATED / name).is_dir() for name in METHODS)


def _holds_pairs(folder: Path) -> bool:
    """Whether ``folder`` has ``real``, and fakes that are named by target and source."""
    if not ((folder / "real").is_dir() and (folder / "fake").is_dir()):
        return False
    places = [folder / "fake", *(folder / "fake" / name for name in folders_in(folder / "fake"))]
    return any(_PAIR.fullmatch(Path(name).stem) for place in places for name in files_in(place, VIDEO_SUFFIXES))


def _common_split(splits: list[str | None]) -> str | None:
    return splits[0] if splits and len(set(splits)) == 1 else None


def _absent(sources: list[_Source], pairs: Mapping[str, list[list[str]]], seen: set[str]) -> dict[str, str]:
    """What the official splits name and is not there, for every source that is."""
    ordered = [pair for listed in pairs.values() for pair in listed]
    numbers = [number for pair in ordered for number in pair]
    both_ways = [f"{one}_{other}" for a, b in ordered for one, other in ((a, b), (b, a))]
    return {
        f"{source.folder}/{stem}.mp4": "missing"
        for source in sources
        if source.name != "fake"
        for stem in (numbers if source.label == REAL else both_ways)
        if f"{FaceForensics.name}/{source.name}/{stem}" not in seen
    }


def read_pairs(folder: Path, *, required: bool = False) -> dict[str, list[list[str]]] | None:
    """The official splits in ``folder``: pairs of numbers for each; None if they are not there.

    Raises:
        DataError: a file is no list of pairs, a number is in two splits, or they are ``required`` and absent.
    """
    if not all((folder / f"{split}.json").is_file() for split in SPLITS):
        if required:
            raise DataError("No official splits. Looked for: train.json, val.json, test.json.", where=folder)
        return None
    pairs: dict[str, list[list[str]]] = {}
    owner: dict[str, str] = {}
    for split in SPLITS:
        path = folder / f"{split}.json"
        listed = read_json(path)
        if not isinstance(listed, list) or not all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(number, str) and _NUMBER.fullmatch(number) for number in pair)
            for pair in listed
        ):
            raise DataError("The official splits are lists of pairs of numbers.", where=path)
        for number in (number for pair in listed for number in pair):
            if owner.setdefault(number, split) != split:
                raise DataError(f"Video {number} is in the splits {owner[number]} and {split}.", where=path)
        pairs[split] = listed
    return pairs


def split_of_numbers(pairs: Mapping[str, list[list[str]]]) -> dict[str, str]:
    """The split of every number in ``pairs``."""
    return {number: split for split, listed in pairs.items() for pair in listed for number in pair}
