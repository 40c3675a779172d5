"""Celeb-DF v2 (Li et al., 2020, arXiv:1909.12962): 59 celebrities swapped with each other, and people from YouTube."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import APART, RATIOS, check_ratios, check_share, hold_out, split_people
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in, folders_in, listed_path
from zoo.errors import DataError
from zoo.structures import FAKE, REAL, VideoRecord

_LIST: Final = "List_of_testing_videos.txt"
_CELEB, _YOUTUBE, _SYNTHESIS = "Celeb-real", "YouTube-real", "Celeb-synthesis"
_LABELS: Final = {_CELEB: REAL, _YOUTUBE: REAL, _SYNTHESIS: FAKE}
_BY_LOWER: Final = {name.lower(): name for name in _LABELS}  # YouTube-real is also spelled Youtube-real
_LISTED: Final = {"1": REAL, "0": FAKE}  # the other way round from everywhere else
_NESTED: Final = (".", "Celeb-DF-v2", "Celeb-DF", "CelebDF", "celebdf")
_NAME: Final = re.compile(r"(?P<target>id\d+)(?:_(?P<source>id\d+))?_(?P<clip>\d+)")


@dataclass(frozen=True, slots=True)
class _Video:
    kind: str
    path: PurePosixPath

    @property
    def key(self) -> str:
        """As the list of test videos names it, without suffix."""
        return f"{self.kind}/{self.path.stem}"

    @property
    def people(self) -> frozenset[str]:
        """Celebrities by their id; of YouTube nobody is known, so that each video stands for itself."""
        match = _NAME.fullmatch(self.path.stem) if self.kind != _YOUTUBE else None
        names = [name for name in (match["target"], match["source"]) if name] if match else [self.key]
        return frozenset(f"{CelebDF.name}/{name}" for name in names)


class CelebDF(Corpus):
    """Reader of Celeb-DF v2: the official test videos, and all others for training.

    In the list of test videos 1 is real and 0 is fake; here it is the reverse, as everywhere in zoo. Celebrities
    recur in both official sets. With ``identity_disjoint`` the list is not used: the celebrities themselves are given
    to splits, and a fake of two celebrities in different splits is left out, so figures are not comparable to others'.

    Args:
        identity_disjoint: split by celebrities in place of the official list.
        ratios: share of the videos a split, with ``identity_disjoint``.
        val_share: share of the official training videos, in [0, 1), that becomes ``val``; there is no official one.
        seed: of every split that is computed.
        max_skipped: the largest share of listed files that may be missing or unreadable.

    Raises:
        ConfigError: ``ratios`` are not positive or do not sum to 1, or ``val_share`` is out of range.
    """

    name = "celebdf"
    looked_for = (
        "Celeb-real/id0_0000.mp4",
        "YouTube-real/00000.mp4",
        "Celeb-synthesis/id0_id1_0000.mp4 (each also in videos/)",
        _LIST,
    )

    def __init__(
        self,
        *,
        identity_disjoint: bool = False,
        ratios: Mapping[str, float] = RATIOS,
        val_share: float = 0.0,
        seed: int = 0,
        max_skipped: float = 0.01,
    ):
        super().__init__(max_skipped=max_skipped)
        check_ratios(ratios)
        self.identity_disjoint = identity_disjoint
        self.ratios = dict(ratios)
        self.val_share = check_share(val_share, "val_share")
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if {_CELEB, _SYNTHESIS} & {_BY_LOWER.get(name.lower()) for name in folders_in(folder)}:
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        skipped: dict[str, str] = {}
        videos: dict[str, _Video] = {}
        seen: set[str] = set()
        for video in _videos_below(root):
            fault = "another file has its name" if video.key in seen else file_fault(root / video.path)
            seen.add(video.key)
            if fault is None:
                videos[video.key] = video
            else:
                skipped[str(video.path)] = fault
        kept = [videos[key] for key in sorted(videos)]
        people = [video.people for video in kept]
        if self.identity_disjoint:
            splits = split_people(people, ratios=self.ratios, seed=self.seed, where=root) if kept else []
        else:
            tested = _read_test_list(root / _LIST)
            skipped |= {f"{key}.mp4": "missing" for key in sorted(tested - seen)}
            official = ["test" if video.key in tested else "train" for video in kept]
            splits = hold_out(official, people, share=self.val_share, seed=self.seed, where=root)
        return CorpusScan(
            records=tuple(self._record(root, video, split) for video, split in zip(kept, splits, strict=True) if split),
            skipped=skipped,
            excluded={str(video.path): APART for video, split in zip(kept, splits, strict=True) if not split},
        )

    def _record(self, root: Path, video: _Video, split: str) -> VideoRecord:
        label = _LABELS[video.kind]
        match = _NAME.fullmatch(video.path.stem) if label == FAKE else None
        original = f"{self.name}/{_CELEB}/{match['target']}_{match['clip']}" if match else None
        return VideoRecord(
            video_id=f"{self.name}/{video.key}",
            path=str(root / video.path),
            corpus=self.name,
            split=split,
            label=label,
            method=_SYNTHESIS if label == FAKE else "real",
            identities=video.people if video.kind != _YOUTUBE else frozenset(),
            source_videos=frozenset({original}) if original else frozenset(),
            video_fake=label == FAKE,
            audio_fake=False,
            original=original,
        )


def _videos_below(root: Path) -> list[_Video]:
    found = []
    for name in folders_in(root):
        if (kind := _BY_LOWER.get(name.lower())) is not None:
            for folder in (PurePosixPath(name), PurePosixPath(name, "videos")):
                found += [_Video(kind, folder / file) for file in files_in(root / folder, VIDEO_SUFFIXES)]
    return found


def _read_test_list(path: Path) -> set[str]:
    """The keys of the official test videos.

    Raises:
        DataError: absent, unreadable, or a label that contradicts the folder.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read the list of test videos: {error}.",
            where=path,
            next_step="It comes with the corpus; identity_disjoint=True does without it.",
        ) from error
    keys = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        label, _, name = line.strip().partition(" ")
        listed = listed_path(name.strip(), where=where)
        kind = _BY_LOWER.get(listed.parts[0].lower())
        if kind is None or _LISTED.get(label) != _LABELS[kind]:
            raise DataError(
                f"The line {line.strip()!r} contradicts itself: 1 is real, 0 is fake, and so is the folder.",
                where=where,
                next_step="Use the list as downloaded; it has no header.",
            )
        keys.add(f"{kind}/{listed.stem}")
    return keys
