"""Any folder of pictures sorted into ``real`` and ``fake``, with or without splits; one record a picture."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan
from zoo.datasets.corpora.labelled import labelled_root, parse_folders
from zoo.datasets.corpora.tree import IMAGE_SUFFIXES, find_files
from zoo.structures import VideoRecord

_FRAME: Final = re.compile(r"(?P<clip>.+?)[_-](?:frame|f)[_-]?\d+", re.IGNORECASE)


class ImageFolder(Corpus):
    """Reader of ``{train,val,test}/{real,fake}/**`` and ``{real,fake}/**`` of pictures, also below ``processed``.

    The ``path`` of a record is one picture. Pictures that are named as frames (``clip_frame_12``), or by number in a
    folder of their own, name that clip as their source, so that splits keep it together. Files are taken as they
    are, broken ones included, so that whoever decodes them reports on them.

    Args:
        name: of the corpus; the first part of every ``video_id``.
        max_skipped: the largest share of files and folders that may be impossible to list.
    """

    name = "images"
    looked_for = (
        "[processed/]{train,val,test}/{real,fake}/**/*.jpg (or another picture format)",
        "{real,fake}/**/*.jpg",
    )
    generic = True

    def __init__(self, *, name: str = "images", max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        self.name = name

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        return labelled_root(Path(root), IMAGE_SUFFIXES)

    def _scan(self, root: Path) -> CorpusScan:
        found = find_files(root, IMAGE_SUFFIXES)
        records = [self._record(root, path) for path in found.files]
        return CorpusScan(records=tuple(sorted(records, key=lambda record: record.video_id)), skipped=found.skipped)

    def _record(self, root: Path, path: PurePosixPath) -> VideoRecord:
        facts = parse_folders(path)
        clip = _clip_of(path, depth=facts.depth)
        return VideoRecord(
            video_id=f"{self.name}/{path}",
            path=str(root / path),
            corpus=self.name,
            split=facts.split,
            label=facts.label,
            method=facts.method,
            source_videos=frozenset({f"{self.name}/{clip}"}) if clip else frozenset(),
            has_audio=False,
        )


def _clip_of(path: PurePosixPath, *, depth: int) -> str | None:
    """The clip that a picture is a frame of, as far as names tell; ``depth`` folders name its split and label.

    The folder below them can be a method, so that numbered pictures need one more to be the frames of a clip.
    """
    if match := _FRAME.fullmatch(path.stem):
        return str(path.with_name(match["clip"]))
    numbered_in_own_folder = path.stem.isdecimal() and len(path.parent.parts) > depth + 1
    return str(path.parent) if numbered_in_own_folder else None
