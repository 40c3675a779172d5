"""What there is to score: files below a folder, the videos of a corpus, or crops that preprocessing left."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np

from zoo.datasets.cells import ranked
from zoo.datasets.corpora.reading import read_corpus
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, find_files
from zoo.datasets.manifest import MANIFEST, Manifest, read_manifest
from zoo.datasets.preprocessing.accept import printable
from zoo.errors import DataError
from zoo.media.pictures import PICTURES, is_stills
from zoo.structures import VideoRecord

Kind = Literal["picture", "video", "crops"]
_CROP_COLUMNS: Final = ("video_id", "corpus", "track", "position", "time_s", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One thing that gets one score.

    Attributes:
        name: of it, for good: its path below the data, or the ``video_id`` of crops.
        kind: ``picture`` (one still), ``video`` (moving pictures, a folder or an archive of them), or ``crops``.
        record: where its pictures are; None for crops.
        rows: of the manifest, in the order of track and time; for crops alone.
        stamp: size in bytes and modification time in nanoseconds, which tell whether a file is still the same.
    """

    name: str
    kind: Kind
    record: VideoRecord | None = None
    rows: tuple[int, ...] = ()
    stamp: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All of them, sorted by name.

    Attributes:
        files: at least one.
        manifest: of the crops; None for anything else.
        left_out: what was found and cannot be named or entered, with the reason.
        source: what they are, for people: ``files``, ``crops`` or the reader of a corpus.
    """

    files: Sequence[InputFile]
    manifest: Manifest | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    source: str = "files"

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        kinds = [file.kind for file in self.files]
        return {kind: kinds.count(kind) for kind in ("video", "picture", "crops") if kind in kinds}


def find_inputs(data: str | os.PathLike, *, corpus: str | None = None) -> Inputs:
    """What ``data`` holds: crops if it has a manifest, else all pictures and videos below it, in any tree.

    Args:
        data: a folder, a manifest, a video or a picture.
        corpus: the reader to find the videos with, which knows of masks that are no videos and of archives; labels
            and splits play no part.

    Raises:
        DataError: nothing there that can be scored, two things of one name, or the reader refuses the tree.
        UnknownComponent: no reader has that name.
    """
    data = Path(data)
    if corpus is not None:
        return _of_corpus(data, corpus)
    if (data / MANIFEST).is_file() or data.name == MANIFEST:
        return _of_manifest(data)
    if not os.path.lexists(data):
        raise DataError("The data does not exist.", where=data, next_step="Give a folder, a video or a picture.")
    if data.is_file():
        return Inputs(files=[_file(data.name, data)])
    found = find_files(data, VIDEO_SUFFIXES | PICTURES)
    if not found.files:
        suffixes = " ".join(sorted(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES | PICTURES))
        raise DataError(
            "There is no picture and no video here.",
            where=data,
            next_step=f"Give a folder with files of these kinds: {suffixes}; for archives name the corpus: --corpus.",
        )
    return Inputs(files=[_file(str(path), data / path) for path in found.files], left_out=_printable(found.skipped))


def _file(name: str, path: Path, *, record: VideoRecord | None = None) -> InputFile:
    try:
        status = path.stat()
        stamp = (status.st_size, status.st_mtime_ns)
    except OSError:  # decoding will tell
        stamp = (0, 0)
    if record is None:
        record = VideoRecord(video_id=name, path=str(path), corpus="data", split=None, label=-1, method="unknown")
    kind: Kind = "picture" if is_stills(path) and path.suffix.lower() in PICTURES else "video"
    return InputFile(name=name, kind=kind, record=record, stamp=stamp)


def _of_corpus(data: Path, corpus: str) -> Inputs:
    read = read_corpus(data, corpus=corpus)
    root = data if data.is_dir() else data.parent
    files = []
    for record in read.records:
        name = Path(os.path.relpath(record.path, root)).as_posix()
        name = f"{name}/{record.member}" if record.member else name
        files.append(_file(name, Path(record.path), record=record))
    _require_distinct(files, data)
    return Inputs(files=sorted(files, key=lambda file: file.name), left_out=_printable(read.skipped), source=read.name)


def _of_manifest(data: Path) -> Inputs:
    manifest = read_manifest(data, columns=_CROP_COLUMNS)
    table = manifest.table
    if not len(table):
        raise DataError("The manifest has no crops.", where=data)
    (videos, ids), (corpora, _) = ranked(table["video_id"]), ranked(table["corpus"])
    order = np.lexsort((table["time_s"].to_numpy(), table["track"].to_numpy(), corpora, videos))
    changes = np.diff(videos[order]) | np.diff(corpora[order])
    files = [
        InputFile(name=ids[int(videos[rows[0]])].as_py(), kind="crops", rows=tuple(rows.tolist()))
        for rows in np.split(order, 1 + np.flatnonzero(changes))
    ]
    _require_distinct(files, data)
    return Inputs(files=sorted(files, key=lambda file: file.name), manifest=manifest, source="crops")


def _printable(left_out: Mapping[str, str]) -> dict[str, str]:
    return {printable(name): printable(reason) for name, reason in left_out.items()}


def _require_distinct(files: Sequence[InputFile], where: Path) -> None:
    names: set[str] = set()
    for file in files:
        if file.name in names:
            raise DataError(f"Two of the files are called {file.name!r}.", where=where, next_step="Rename one of them.")
        names.add(file.name)
