"""DF40 (Yan et al., 2024, arXiv:2406.13495): forty methods applied to FaceForensics++ and Celeb-DF."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.faceforensics import read_pairs, split_of_numbers
from zoo.datasets.corpora.grouping import APART, RATIOS, check_ratios, split_people
from zoo.datasets.corpora.tree import IMAGE_SUFFIXES, VIDEO_SUFFIXES, find_files, folders_in
from zoo.structures import FAKE, REAL, VideoRecord

_FF, _CDF = "ff", "cdf"
_DOMAINS: Final = (_FF, _CDF)
_LABELS: Final = {"real": REAL, "fake": FAKE}
_NESTED: Final = (".", "DF40", "DF40_train", "DF40_test")
_SWAPS: Final = frozenset(
    {"fsgan", "faceswap", "simswap", "inswap", "blendface", "uniface", "mobileswap", "e4s", "facedancer", "deepfacelab"}
)
_OTHERS: Final = frozenset(
    {"fomm", "facevid2vid", "wav2lip", "mraa", "oneshotfree", "pirender", "tpsm", "tpsmm", "lia", "dagan", "danet"}
    | {"sadtalker", "mcnet", "hyperreenact", "heygen", "vqgan", "stylegan2", "stylegan3", "styleganxl", "sd21", "ddim"}
    | {"rddm", "pixart", "dit", "sit", "midjourney", "midjourney6", "whichfaceisreal", "whichisreal", "collabdiff"}
    | {"e4e", "stargan", "starganv2", "styleclip"}
)
_FF_ID: Final = re.compile(r"(?P<target>\d{3})(?:_(?P<source>\d{3}))?")
_CDF_ID: Final = re.compile(r"(?P<target>id\d+)(?:_(?P<source>id\d+))?_(?P<clip>\d+)")


@dataclass(frozen=True, slots=True)
class _Item:
    """A video, or a picture, whose folder then names the video it is a frame of. ``parts`` are of that name."""

    method: str
    path: PurePosixPath
    domain: str | None
    parts: re.Match | None

    @property
    def label(self) -> int:
        return _LABELS.get(self.domain or "", FAKE)

    @property
    def video_id(self) -> str:
        return f"{DF40.name}/{self.path.with_suffix('')}"

    @property
    def people(self) -> frozenset[str]:
        """As FaceForensics++ and Celeb-DF name them."""
        if self.parts is None:
            return frozenset()
        corpus = "ff++" if self.domain == _FF else "celebdf"
        return frozenset(f"{corpus}/{self.parts[key]}" for key in ("target", "source") if self.parts[key])

    @property
    def target(self) -> str | None:
        """The genuine video whose face was replaced or moved, by its id in its own corpus."""
        if self.parts is None:
            return None
        if self.domain == _FF:
            return f"ff++/youtube/{self.parts['target']}"
        return f"celebdf/Celeb-real/{self.parts['target']}_{self.parts['clip']}"


class DF40(Corpus):
    """Reader of DF40, any number of methods of it: videos, and pictures with one record each.

    Fakes made from FaceForensics++ (``ff``) follow its official splits if their folder is given or lies in the corpus,
    else whoever was swapped with each other is kept together. Those made from Celeb-DF (``cdf``) and methods of
    unknown origin (``{real,fake}``) are ``test``, as they are meant. The genuine videos are in the corpora they are
    from, and are named as sources; for face swaps the target is the ``original``.

    Args:
        splits: folder with train.json, val.json and test.json of FaceForensics++; ``splits`` in the corpus if None.
        ratios: share a split of what was made from FaceForensics++, where there are no official splits.
        seed: of the order in which groups are given to splits, likewise.
        max_skipped: the largest share of files that may be empty or unreadable; some archives hold such files.

    Raises:
        ConfigError: ``ratios`` are not positive or do not sum to 1.
    """

    name = "df40"
    looked_for = ("<method>/{ff,cdf}/**", "<known method>/{real,fake}/**", "<known method>/<000_003>/*")

    def __init__(
        self,
        *,
        splits: str | os.PathLike | None = None,
        ratios: Mapping[str, float] = RATIOS,
        seed: int = 0,
        max_skipped: float = 0.05,
    ):
        super().__init__(max_skipped=max_skipped)
        check_ratios(ratios)
        self.splits = splits
        self.ratios = dict(ratios)
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if any(_is_method(name, set(folders_in(folder / name))) for name in folders_in(folder)):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        items: dict[str, _Item] = {}
        skipped: dict[str, str] = {}
        for method in folders_in(root):
            if not _is_method(method, set(folders_in(root / method))):
                continue
            found = find_files(root / method, VIDEO_SUFFIXES | IMAGE_SUFFIXES)
            skipped |= {f"{method}/{path}": reason for path, reason in found.skipped.items()}
            for path in found.files:
                item = _parse(method, path)
                fault = "another file has its name" if item.video_id in items else file_fault(root / item.path)
                if fault:
                    skipped[str(item.path)] = fault
                else:
                    items[item.video_id] = item
        ordered = [items[video_id] for video_id in sorted(items)]
        splits, reason = self._splits(root, ordered)
        return CorpusScan(
            records=tuple(_record(root, item, split) for item, split in zip(ordered, splits, strict=True) if split),
            skipped=skipped,
            excluded={str(item.path): reason for item, split in zip(ordered, splits, strict=True) if not split},
        )

    def _splits(self, root: Path, items: list[_Item]) -> tuple[list[str | None], str]:
        """A split for every item, and why some have none."""
        trained = [item for item in items if item.domain == _FF]
        pairs = read_pairs(Path(self.splits or root / "splits"), required=bool(self.splits))
        if pairs is not None:
            by_person = {f"ff++/{number}": split for number, split in split_of_numbers(pairs).items()}
            found = [{by_person.get(name) for name in item.people} for item in trained]
            chosen = [names.pop() if len(names) == 1 else None for names in found]
            reason = "in no official split of FaceForensics++"
        else:
            people = [item.people or frozenset({_clip_of(item)}) for item in trained]
            chosen = split_people(people, ratios=self.ratios, seed=self.seed, where=root) if trained else []
            reason = APART
        by_id = {item.video_id: split for item, split in zip(trained, chosen, strict=True)}
        return [by_id.get(item.video_id, None if item.domain == _FF else "test") for item in items], reason


def _record(root: Path, item: _Item, split: str) -> VideoRecord:
    fake = item.label == FAKE
    swapped = fake and _plain(item.method) in _SWAPS
    sources = {item.target} if item.target else set()
    if item.parts and item.domain == _FF and item.parts["source"]:
        sources.add(f"ff++/youtube/{item.parts['source']}")
    return VideoRecord(
        video_id=item.video_id,
        path=str(root / item.path),
        corpus=DF40.name,
        split=split,
        label=item.label,
        method=item.method if fake else "real",
        identities=item.people,
        source_videos=frozenset(sources) if sources else frozenset({f"{DF40.name}/{_clip_of(item)}"}),
        video_fake=fake,
        original=item.target if swapped else None,
    )


def _plain(method: str) -> str:
    return re.sub(r"[^a-z0-9]", "", method.lower())


def _is_method(name: str, inside: set[str]) -> bool:
    if inside & {*_DOMAINS}:
        return True
    known = _plain(name) in _SWAPS | _OTHERS
    return known and any(part in _LABELS or _FF_ID.fullmatch(part) or _CDF_ID.fullmatch(part) for part in inside)


def _parse(method: str, path: PurePosixPath) -> _Item:
    """The item at ``path`` below ``method``; ids at the root of a method tell their domain themselves."""
    names = [*reversed(path.parts[:-1])] if path.suffix.lower() in IMAGE_SUFFIXES else [path.stem]
    patterns = {_FF: _FF_ID, _CDF: _CDF_ID}
    domain = path.parts[0] if path.parts[0] in (*_DOMAINS, *_LABELS) else None
    for kind in [domain] if domain in patterns else [] if domain in _LABELS else list(patterns):
        match = next((match for name in names if (match := patterns[str(kind)].fullmatch(name))), None)
        if match:
            return _Item(method, method / path, kind, match)
    return _Item(method, method / path, domain, None)


def _clip_of(item: _Item) -> str:
    """What an item without people is kept together with: the folder of its own that a frame lies in, else itself."""
    shared = {*_DOMAINS, *_LABELS, "frames", item.method}
    if item.path.suffix.lower() in IMAGE_SUFFIXES and item.path.parent.name not in shared:
        return str(item.path.parent)
    return str(item.path.with_suffix(""))
