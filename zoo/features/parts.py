"""One video's features as one file: a line of JSON, then the bytes that packing copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from zoo.errors import DataError
from zoo.features.layout import FRAME, PARTS, UNKNOWN_FRAME, StoreMeta, index_row
from zoo.files import atomic_write
from zoo.structures import VideoRecord

SUFFIX: Final = ".part"
_MAGIC: Final = "zoo-feature-part-1"


@dataclass(frozen=True, slots=True)
class Part:
    """A part file that was found whole: its index row, where its bytes begin, and the identity of its extractor."""

    path: Path
    row: dict
    start: int
    identity: str


def part_path(root: Path, video_id: str) -> Path:
    """Where the part of ``video_id`` lies; ids may hold any character and be of any length."""
    digest = hashlib.sha256(video_id.encode()).hexdigest()
    return root / PARTS / digest[:2] / f"{digest[:32]}{SUFFIX}"


def write_part(
    root: Path, meta: StoreMeta, record: VideoRecord, blobs: tuple[np.ndarray, ...], *, status: str, ledger: object
) -> None:
    """Write one clip; ``blobs`` are frames, visual and audio rows as ``pack_frames`` and ``pack_rows`` return them."""
    digest = hashlib.sha256()
    for blob in blobs:
        digest.update(blob.view(np.uint8).data)
    row = index_row(record, status=status, ledger=ledger, sha256=digest.hexdigest(), frames=blobs[0])
    header = json.dumps({"magic": _MAGIC, "identity": meta.identity, "row": row}, ensure_ascii=False)
    with atomic_write(part_path(root, record.video_id)) as file:
        file.write(header.encode() + b"\n")
        for blob in blobs:
            file.write(blob.view(np.uint8).data)


def read_part(path: Path, meta: StoreMeta) -> Part:
    """The header of a part file.

    Raises:
        DataError: not a part file, cut short, or of another extractor than ``meta`` names.
    """
    try:
        with open(path, "rb") as file:
            line = file.readline(1 << 24)
            header = json.loads(line)
        identity, row = header["identity"], header["row"]
        whole = header["magic"] == _MAGIC and path.stat().st_size == len(line) + row["length"] * sum(
            meta.bytes_per_row()
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"Not a feature part: {error}.", where=path, next_step="Delete it and extract again."
        ) from error
    if identity != meta.identity:
        raise DataError(
            f"The features of {row['video_id']!r} come from another extractor than the rest of the store.",
            where=path,
            next_step="Extract into a new folder, or delete this part: two extractors never share a store.",
        )
    if not whole:
        raise DataError("The feature part is cut short.", where=path, next_step="Delete it and extract again.")
    return Part(path, row, len(line), identity)


def pack_frames(
    times: np.ndarray, visual_mask: np.ndarray, audio_mask: np.ndarray, frame_labels: np.ndarray | None
) -> np.ndarray:
    """The records of ``n`` frames: times in seconds [n], masks [n], labels [n] in {0, 1} or None."""
    frames = np.zeros(len(times), FRAME)
    frames["time"], frames["visual"], frames["audio"] = times, visual_mask, audio_mask
    frames["label"] = UNKNOWN_FRAME if frame_labels is None else frame_labels
    return frames


def pack_rows(values: np.ndarray | None, mask: np.ndarray, *, width: int, meta: StoreMeta, what: str) -> np.ndarray:
    """Feature rows [n, width] as they are stored; rows with ``mask`` False are zero.

    Raises:
        ValueError: another shape, or values under the mask that are not finite in the store's number type.
    """
    rows = np.zeros((len(mask), width), meta.row_type)
    if values is None:
        if mask.any():
            raise ValueError(f"{what} features are absent, yet {what}_mask has True rows")
        return rows
    values = np.asarray(values)
    if values.shape != rows.shape:
        raise ValueError(f"{what} features have shape {values.shape}, expected {rows.shape}")
    with np.errstate(over="ignore"):
        rows[mask] = values[mask]
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows).all(axis=1)).sum())
        raise ValueError(f"{bad} of {len(rows)} rows of {what} features hold NaN or are too large for {meta.dtype}")
    return rows


def json_safe(value: str | Mapping) -> str | dict:
    """``value`` as JSON gives it back, so that it compares equal to what was read from a file."""
    return json.loads(json.dumps(value))
