"""Any folder of videos, or a single one; labels and splits are read off folder names where there are any."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from zoo.datasets.corpora.base import Corpus, CorpusScan
from zoo.datasets.corpora.labelled import labelled_root, parse_folders
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, Found, find_files, holds_file
from zoo.structures import VideoRecord


class VideoFolder(Corpus):
    """Reader of ``{train,val,test}/{real,fake}/**``, ``{real,fake}/**``, any other folder of videos, or one file.

    Both also below ``processed`` or ``raw``. A label of -1 is unknown: the path has no folder ``real`` or ``fake`` at
    its top. The method is the first folder below ``fake``, if there is one. Files are taken as they are, broken ones
    included, so that whoever decodes them reports on them.

    Args:
        name: of the corpus; the first part of every ``video_id``.
        max_skipped: the largest share of files and folders that may be impossible to list.
    """

    name = "videos"
    looked_for = ("{train,val,test}/{real,fake}/**", "{real,fake}/**", "**/*.mp4 (or another video format)")
    generic = True

    def __init__(self, *, name: str = "videos", max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        self.name = name

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        root = Path(root)
        if root.is_file():
            return root if root.suffix.lower() in VIDEO_SUFFIXES and not root.name.startswith(".") else None
        start = labelled_root(root, VIDEO_SUFFIXES)
        return root if start is None and holds_file(root, VIDEO_SUFFIXES) else start

    def _scan(self, root: Path) -> CorpusScan:
        single = root.is_file()
        base = root.parent if single else root
        found = Found([PurePosixPath(root.name)]) if single else find_files(root, VIDEO_SUFFIXES)
        records = [self._record(base, path) for path in found.files]
        return CorpusScan(records=tuple(sorted(records, key=lambda record: record.video_id)), skipped=found.skipped)

    def _record(self, base: Path, path: PurePosixPath) -> VideoRecord:
        facts = parse_folders(path)
        return VideoRecord(
            video_id=f"{self.name}/{path}",
            path=str(base / path),
            corpus=self.name,
            split=facts.split,
            label=facts.label,
            method=facts.method,
        )
