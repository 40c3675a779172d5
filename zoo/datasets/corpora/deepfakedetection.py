"""DeepFakeDetection (Google and Jigsaw, 2019): 28 actors, swapped with each other."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import APART, RATIOS, check_ratios, split_people
from zoo.datasets.corpora.sequences import MANIPULATED, ORIGINAL, choose_compression, masks_of, videos_of
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in
from zoo.structures import FAKE, REAL, VideoRecord

_ACTORS: Final = ORIGINAL / "actors"
_FAKES: Final = MANIPULATED / "DeepFakeDetection"
_NESTED: Final = (".", "DeepFakeDetection", "DFD")
_REAL_NAME: Final = re.compile(r"(?P<target>\d+)__(?P<scene>.+)")
_FAKE_NAME: Final = re.compile(r"(?P<target>\d+)_(?P<source>\d+)__(?P<scene>.+)__(?P<token>[A-Za-z0-9]+)")


class DeepFakeDetection(Corpus):
    """Reader of DeepFakeDetection (DFD).

    There is no official split. Both actors of a fake are in its split: whole groups of actors where there are
    enough, else single actors, and then a fake whose actors are in different splits is left out and counted.

    Args:
        compression: ``raw``, ``c23`` or ``c40``; the one that is there if None.
        ratios: share of the videos a split.
        seed: of the order in which actors are given to splits.
        max_skipped: the largest share of listed files that may be missing or unreadable.

    Raises:
        ConfigError: ``ratios`` are not positive or do not sum to 1.
    """

    name = "dfd"
    looked_for = (
        "original_sequences/actors/{raw,c23,c40}/videos/01__scene.mp4",
        "manipulated_sequences/DeepFakeDetection/{raw,c23,c40}/videos/01_02__scene__XXXXXXXX.mp4",
    )

    def __init__(
        self,
        *,
        compression: str | None = None,
        ratios: Mapping[str, float] = RATIOS,
        seed: int = 0,
        max_skipped: float = 0.01,
    ):
        super().__init__(max_skipped=max_skipped)
        check_ratios(ratios)
        self.compression = compression
        self.ratios = dict(ratios)
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if (folder / _ACTORS).is_dir() or (folder / _FAKES).is_dir():
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        compression = choose_compression(root, (_ACTORS, _FAKES), self.compression)
        masks = masks_of(root, _FAKES)
        found: dict[str, tuple[str, re.Match]] = {}
        skipped: dict[str, str] = {}
        for folder, pattern in ((_ACTORS, _REAL_NAME), (_FAKES, _FAKE_NAME)):
            videos = videos_of(folder, compression)
            for file in files_in(root / videos, VIDEO_SUFFIXES):
                parts = pattern.fullmatch(Path(file).stem)
                fault = file_fault(root / videos / file) or (None if parts else "its name tells no actor")
                if fault or parts is None:
                    skipped[str(videos / file)] = str(fault)
                else:
                    found[str(videos / file)] = (folder.name, parts)
        paths = sorted(found)
        people = [frozenset(_actors(found[path][1])) for path in paths]
        splits = split_people(people, ratios=self.ratios, seed=self.seed, where=root) if paths else []
        records = [
            self._record(root / path, *found[path], split, masks)
            for path, split in zip(paths, splits, strict=True)
            if split is not None
        ]
        return CorpusScan(
            records=tuple(sorted(records, key=lambda record: record.video_id)),
            skipped=skipped,
            excluded={path: APART for path, split in zip(paths, splits, strict=True) if split is None},
        )

    def _record(self, path: Path, kind: str, parts: re.Match, split: str, masks: Mapping[str, str]) -> VideoRecord:
        fake = kind == _FAKES.name
        original = f"{self.name}/{_ACTORS.name}/{parts['target']}__{parts['scene']}" if fake else None
        return VideoRecord(
            video_id=f"{self.name}/{kind}/{path.stem}",
            path=str(path),
            corpus=self.name,
            split=split,
            label=FAKE if fake else REAL,
            method=kind if fake else "real",
            identities=frozenset(f"{self.name}/{actor}" for actor in _actors(parts)),
            source_videos=frozenset({original}) if original else frozenset(),
            video_fake=fake,
            audio_fake=False,
            original=original,
            mask_path=masks.get(path.stem) if fake else None,
        )


def _actors(parts: re.Match) -> set[str]:
    return {name for key, name in parts.groupdict().items() if key in ("target", "source")}
