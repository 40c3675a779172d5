"""The manifest: one row a face crop, as Parquet. Preprocessing writes it; audits, training and evaluation read it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zoo.errors import DataError
from zoo.files import atomic_write

MANIFEST: Final = "manifest.parquet"
VERSION: Final = 1
_KEY: Final = b"zoo"

SCHEMA: Final = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),  # video_id, track and position in the video
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("label", pa.int8(), nullable=False),  # 0 = real, 1 = fake, -1 = unknown
        pa.field("method", pa.string(), nullable=False),
        pa.field("identities", pa.list_(pa.string()), nullable=False),
        pa.field("source_videos", pa.list_(pa.string()), nullable=False),
        pa.field("original", pa.string()),
        pa.field("track", pa.int16(), nullable=False),  # which face of the video, the most prominent one first
        pa.field("position", pa.int32(), nullable=False),  # which sampled frame of the video
        pa.field("time_s", pa.float64(), nullable=False),  # presentation time; a picture's place where there is none
        pa.field("path", pa.string(), nullable=False),  # below the manifest's folder, or the name in its pack
        pa.field("box", pa.list_(pa.float32(), 4), nullable=False),  # pixels of the frame: x1, y1, x2, y2
        pa.field("score", pa.float32(), nullable=False),  # of the detection, in [0, 1]
        pa.field("detector", pa.string(), nullable=False),  # which one answered
        pa.field("phash", pa.uint64(), nullable=False),  # perceptual hash of the crop, see `zoo.faces.likeness`
        pa.field("points", pa.list_(pa.float32(), 10)),  # pixels of the crop: x, y of eyes, nose, mouth corners
    ]
)
_ADDED_LATER: Final = frozenset({"points"})  # null in manifests that are older


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as read: its rows, how the crops were made, and where paths start."""

    table: pa.Table
    provenance: Mapping[str, Any]
    root: Path

    @property
    def crop_hash(self) -> str:
        """SHA-256 of how the crops were made."""
        return provenance_hash(self.provenance)

    @property
    def split_hash(self) -> str:
        """SHA-256 of which video is in which split, whatever the order of rows."""
        return split_hash(self.table)


def provenance_hash(provenance: Mapping[str, Any]) -> str:
    """SHA-256 of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()


def split_hash(table: pa.Table) -> str:
    """SHA-256 of the pairs of ``video_id`` and ``split`` in ``table``."""
    pairs = table.select(["video_id", "split"]).group_by(["video_id", "split"]).aggregate([])
    rows = sorted((row["video_id"], row["split"] or "") for row in pairs.to_pylist())
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def write_manifest(path: str | os.PathLike, rows: pa.Table, *, provenance: Mapping[str, Any]) -> None:
    """Write ``rows`` sorted by ``sample_id``, atomically; equal rows and provenance give equal bytes.

    Args:
        path: of the file.
        rows: columns as in `SCHEMA`; ``points`` may be left out.
        provenance: how the crops were made: detector, its fingerprint, margin, alignment, image size, ... plain values.

    Raises:
        DataError: other columns, or two rows with one ``sample_id``.
        WorkDirError: the file cannot be written.
    """
    table = _checked(rows, path).sort_by("sample_id")
    ids = table["sample_id"].to_numpy()
    if len(ids) > 1 and (twice := np.flatnonzero(ids[1:] == ids[:-1])).size:
        raise DataError(f"Two crops have the id {ids[twice[0]]!r}.", where=path, next_step="Ids are unique.")
    head = json.dumps({"version": VERSION, "provenance": dict(provenance)}, sort_keys=True)
    with atomic_write(path) as file:
        pq.write_table(table.replace_schema_metadata({_KEY: head.encode()}), file, compression="zstd")


def manifest_path(path: str | os.PathLike) -> Path:
    """The file meant by ``path``, which is it or the folder that holds ``manifest.parquet``."""
    return Path(path) / MANIFEST if Path(path).is_dir() else Path(path)


def read_manifest(path: str | os.PathLike, *, columns: Sequence[str] = tuple(SCHEMA.names)) -> Manifest:
    """The manifest at ``path``, a file or the folder that holds ``manifest.parquet``.

    Args:
        path: of it.
        columns: the columns of `SCHEMA` that are read; all of them by default. ``points`` (eyes, nose, mouth corners
            as seen in the crop, its pixels' centres at whole numbers) is null where the detector gave none, and in
            manifests of before it was kept.

    Raises:
        DataError: absent, unreadable, of another version, or with other columns.
    """
    path = manifest_path(path)
    if not path.is_file():
        raise DataError("No such manifest.", where=path, next_step="Write one: tools/preprocess.py --output FOLDER.")
    try:
        there = set(pq.read_schema(path, memory_map=True).names)
        wanted = [name for name in columns if name in there or name not in _ADDED_LATER]
        table = pq.read_table(path, columns=wanted, memory_map=True, partitioning=None)
        head = json.loads((table.schema.metadata or {})[_KEY])
        version, provenance = head["version"], head["provenance"]
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"The file is no manifest of crops: {error}.", where=path) from error
    if version != VERSION:
        raise DataError(f"The manifest has version {version}, not {VERSION}.", where=path, next_step="Preprocess anew.")
    return Manifest(table=_checked(table, path, columns), provenance=provenance, root=path.parent)


def _checked(table: pa.Table, path: object, columns: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
    """``table`` with exactly these ``columns`` of `SCHEMA`, and their types."""
    for name in _ADDED_LATER.intersection(columns).difference(table.column_names):
        table = table.append_column(SCHEMA.field(name), pa.nulls(len(table), SCHEMA.field(name).type))
    if missing := [name for name in columns if name not in table.column_names]:
        raise DataError(f"The manifest lacks the columns {', '.join(missing)}.", where=path)
    try:
        schema = pa.schema([SCHEMA.field(name) for name in columns])
        return table.select(schema.names).replace_schema_metadata(None).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"The manifest's columns have other types: {error}.", where=path) from error
