"""Any folder of videos, or a single one; labels and splits are read off folder names where there are any."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan
from zoo.structures import FAKE, REAL, VideoRecord

SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".asf", ".ogv"}
)
UNKNOWN: Final = -1
_LABELS: Final = {"real": REAL, "fake": FAKE}
_SPLITS: Final = ("train", "val", "test")


class VideoFolder(Corpus):
    """Reader of ``{train,val,test}/{real,fake}/**``, ``{real,fake}/**``, any other folder of videos, or one file.

    A label of -1 is unknown: the path has no folder ``real`` or ``fake`` at its top. The method is the first folder
    below ``fake``, if there is one. Files are taken as they are, broken ones included, so that whoever decodes them
    reports on them.

    Args:
        name: of the corpus; the first part of every ``video_id``.
        max_skipped: as in every corpus; nothing is skipped here.
    """

    name = "videos"
    looked_for = ("{train,val,test}/{real,fake}/**", "{real,fake}/**", "**/*.mp4 (or another video format)")

    def __init__(self, *, name: str = "videos", max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        self.name = name

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        root = Path(root)
        if root.is_file():
            return root if _is_video(root) else None
        return root if any(_is_video(path) for path in root.rglob("*")) else None

    def _scan(self, root: Path) -> CorpusScan:
        base = root.parent if root.is_file() else root
        found = [root] if root.is_file() else [path for path in root.rglob("*") if _is_video(path)]
        records = [self._record(path, path.relative_to(base)) for path in found]
        return CorpusScan(records=tuple(sorted(records, key=lambda record: record.video_id)))

    def _record(self, path: Path, relative: Path) -> VideoRecord:
        folders = list(relative.parts[:-1])
        split = folders.pop(0) if len(folders) > 1 and folders[0] in _SPLITS and folders[1] in _LABELS else None
        label = _LABELS.get(folders[0], UNKNOWN) if folders else UNKNOWN
        method = {REAL: "real", FAKE: folders[1] if len(folders) > 1 else "fake", UNKNOWN: "unknown"}[label]
        return VideoRecord(
            video_id=f"{self.name}/{relative.as_posix()}",
            path=str(path),
            corpus=self.name,
            split=split,
            label=label,
            method=method,
        )


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
