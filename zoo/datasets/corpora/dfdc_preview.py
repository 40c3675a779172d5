"""DFDC preview (Dolhansky et al., 2019, arXiv:1910.08854): two methods, 66 actors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import APART, check_share, hold_out
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, find_files, folder_split, listed_path, read_json
from zoo.errors import DataError
from zoo.structures import FAKE, REAL, VideoRecord

_LIST: Final = "dataset.json"
_REALS: Final = "original_videos"
_METHODS: Final = ("method_A", "method_B")
_LABELS: Final = {"real": REAL, "fake": FAKE}
_NESTED: Final = (".", "fb_dfd_release_0.1_final", "DFDC-preview", "dfdc_preview")


@dataclass(frozen=True, slots=True)
class _Video:
    path: PurePosixPath
    label: int
    split: str
    actors: frozenset[str]


class DFDCPreview(Corpus):
    """Reader of the DFDC preview, with its official train and test sets.

    Actors are the numbered folders a file lies in, and those that ``dataset.json`` names.

    Args:
        val_share: share of the training videos, in [0, 1), that becomes ``val``, by actors; the corpus has no such set.
        seed: of the choice of these actors.
        max_skipped: the largest share of listed files that may be missing or unreadable.

    Raises:
        ConfigError: ``val_share`` is out of range.
    """

    name = "dfdc-preview"
    looked_for = (_LIST, "original_videos/<actor>/*.mp4", "{method_A,method_B}/<actor>/**/*.mp4")

    def __init__(self, *, val_share: float = 0.0, seed: int = 0, max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        self.val_share = check_share(val_share, "val_share")
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if (folder / _LIST).is_file() and any((folder / name).is_dir() for name in (_REALS, *_METHODS)):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        table = read_json(root / _LIST)
        if not isinstance(table, dict):
            raise DataError("The list is no object of paths and their facts.", where=root / _LIST)
        videos: dict[PurePosixPath, _Video] = {}
        for name, row in table.items():
            video = _parse(name, row, where=f"{root / _LIST}, {name}")
            videos[video.path] = video
        faults = {str(path): fault for path in videos if (fault := file_fault(root / path))}
        kept = [videos[path] for path in sorted(videos) if str(path) not in faults]
        splits = hold_out(
            [video.split for video in kept],
            [video.actors or frozenset({str(video.path)}) for video in kept],
            share=self.val_share,
            seed=self.seed,
            where=root,
        )
        records = [self._record(root, video, split) for video, split in zip(kept, splits, strict=True) if split]
        excluded = {str(video.path): APART for video, split in zip(kept, splits, strict=True) if not split}
        for folder in (_REALS, *_METHODS):
            found = find_files(root / folder, VIDEO_SUFFIXES)
            on_disk = (folder / path for path in found.files)
            excluded |= {str(path): "its list does not name it" for path in on_disk if path not in videos}
            faults |= {f"{folder}/{path}": reason for path, reason in found.skipped.items()}
        return CorpusScan(
            records=tuple(sorted(records, key=lambda record: record.video_id)),
            skipped=faults,
            repeated=len(table) - len(videos),
            excluded=excluded,
        )

    def _record(self, root: Path, video: _Video, split: str) -> VideoRecord:
        fake = video.label == FAKE
        return VideoRecord(
            video_id=f"{self.name}/{video.path.with_suffix('')}",
            path=str(root / video.path),
            corpus=self.name,
            split=split,
            label=video.label,
            method=video.path.parts[0] if fake else "real",
            identities=frozenset(f"{self.name}/{actor}" for actor in video.actors),
            video_fake=fake,
            audio_fake=None if fake else False,
        )


def _parse(name: str, row: Any, *, where: str) -> _Video:
    facts: Mapping[str, Any] = row if isinstance(row, dict) else {}
    path = listed_path(name, where=where)
    label, split = _LABELS.get(str(facts.get("label")).lower()), folder_split(str(facts.get("set")))
    if label is None or split is None:
        raise DataError(
            f"The entry has the label {facts.get('label')!r} and the set {facts.get('set')!r}.",
            where=where,
            next_step="A label is real or fake, a set is train or test.",
        )
    named = [facts[key] for key in ("target_id", "swapped_id") if facts.get(key) not in (None, "")]
    actors = {str(actor) for actor in named} | {part for part in path.parts[:-1] if part.isdecimal()}
    return _Video(path, label, split, frozenset(actors))
