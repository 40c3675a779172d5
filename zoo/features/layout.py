"""What a packed feature store looks like on the disk: names, the index's schema and the small ``meta.json``.

::

    store/
      meta.json               format, widths, dtype, extractor fingerprint, name and hash of the pack
      arrays.npz              arrays the extractor must keep to stay the same extractor (projections); optional
      parts/ab/<digest>.part  one file a video, written by extraction and merged by packing
      pack-<hash>/
        index.arrow           one row a clip in order of video_id; an Arrow file, so that it is memory-mapped
        frames.bin            one record a frame: time in seconds, the two masks, the frame's label (-1: unknown)
        visual.bin audio.bin  one row a frame, float32 or float16

``meta.json`` names the pack that is valid, and is written last: a packing that is interrupted leaves the old one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from zoo.errors import DataError
from zoo.files import write_json
from zoo.structures import Segment, VideoRecord

FORMAT: Final = "zoo-feature-store"
VERSION: Final = 1
META: Final = "meta.json"
ARRAYS: Final = "arrays.npz"
INDEX: Final = "index.arrow"
PARTS: Final = "parts"
BLOBS: Final = ("frames.bin", "visual.bin", "audio.bin")

FRAME: Final = np.dtype([("time", "<f8"), ("visual", "u1"), ("audio", "u1"), ("label", "i1"), ("reserved", "V5")])
UNKNOWN_FRAME: Final = -1

_SEGMENT = pa.struct(
    [("start_s", pa.float64()), ("end_s", pa.float64()), ("score", pa.float64()), ("modality", pa.large_string())]
)
SCHEMA: Final = pa.schema(
    [
        pa.field("video_id", pa.large_string(), nullable=False),
        pa.field("corpus", pa.large_string(), nullable=False),
        pa.field("split", pa.large_string()),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("method", pa.large_string(), nullable=False),
        pa.field("video_fake", pa.bool_()),
        pa.field("audio_fake", pa.bool_()),
        pa.field("identities", pa.large_list(pa.large_string()), nullable=False),
        pa.field("source_videos", pa.large_list(pa.large_string()), nullable=False),
        pa.field("fake_segments", pa.large_list(_SEGMENT), nullable=False),
        pa.field("duration_s", pa.float64()),
        pa.field("fps", pa.float64()),
        pa.field("has_audio", pa.bool_()),
        pa.field("path", pa.large_string(), nullable=False),
        pa.field("status", pa.large_string(), nullable=False),
        pa.field("ledger", pa.large_string()),  # JSON
        pa.field("sha256", pa.large_string(), nullable=False),
        pa.field("visual_frames", pa.int64(), nullable=False),  # under a True mask
        pa.field("audio_frames", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreMeta:
    """``meta.json``. ``fingerprint`` is whatever plain value names the extractor."""

    fingerprint: str | Mapping
    visual_dim: int
    audio_dim: int
    dtype: str
    arrays: str | None = None
    pack: str | None = None
    hash: str | None = None
    clips: int = 0
    rows: int = 0

    @property
    def row_type(self) -> np.dtype:
        """Little-endian type of the stored features."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def identity(self) -> str:
        """Digest of what all clips of one store share: extractor, widths, number type and kept arrays."""
        return digest_of([self.fingerprint, self.visual_dim, self.audio_dim, self.dtype, self.arrays])

    def bytes_per_row(self) -> tuple[int, int, int]:
        """Bytes of one frame in each of ``BLOBS``."""
        size = self.row_type.itemsize
        return FRAME.itemsize, size * self.visual_dim, size * self.audio_dim

    def write(self, root: Path) -> None:
        write_json(root / META, {"format": FORMAT, "version": VERSION, **asdict(self)})

    def with_pack(self, *, pack: str, hash: str, clips: int, rows: int) -> StoreMeta:
        return replace(self, pack=pack, hash=hash, clips=clips, rows=rows)

    @classmethod
    def read(cls, root: Path) -> StoreMeta:
        """The meta of the store at ``root``.

        Raises:
            DataError: no store there, or one of another format or version.
        """
        path = root / META
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError("No feature store here: meta.json is missing.", where=root) from None
        except (OSError, ValueError) as error:
            raise DataError(f"Cannot read meta.json: {error}.", where=path) from error
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise DataError(f"Not the meta.json of a feature store (format {FORMAT!r}).", where=path)
        if (version := values.pop("version", None)) != VERSION:
            raise DataError(
                f"The store has format version {version}; this zoo reads version {VERSION}.",
                where=path,
                next_step="Extract the features again, or use the zoo that wrote them.",
            )
        try:
            return cls(**values)
        except TypeError as error:
            raise DataError(f"meta.json has missing or unknown keys: {error}.", where=path) from None


def digest_of(value: object) -> str:
    """SHA-256 of a plain value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def index_row(record: VideoRecord, *, frames: np.ndarray, status: str, ledger: object, sha256: str) -> dict:
    """The index's row of one clip with frame records ``frames``; ``offset`` is only known once packed."""
    return {
        "video_id": record.video_id,
        "corpus": record.corpus,
        "split": record.split,
        "label": int(record.label),
        "method": record.method,
        "video_fake": record.video_fake,
        "audio_fake": record.audio_fake,
        "identities": sorted(record.identities),
        "source_videos": sorted(record.source_videos),
        "fake_segments": [asdict(segment) for segment in record.fake_segments],
        "duration_s": record.duration_s,
        "fps": record.fps,
        "has_audio": record.has_audio,
        "path": record.path,
        "status": status,
        "ledger": None if ledger is None else json.dumps(ledger, sort_keys=True),
        "sha256": sha256,
        "visual_frames": int(frames["visual"].sum()),
        "audio_frames": int(frames["audio"].sum()),
        "length": len(frames),
    }


def record_of(row: Mapping) -> VideoRecord:
    """The record that ``index_row`` was made from."""
    return VideoRecord(
        video_id=row["video_id"],
        path=row["path"],
        corpus=row["corpus"],
        split=row["split"],
        label=row["label"],
        method=row["method"],
        identities=frozenset(row["identities"]),
        source_videos=frozenset(row["source_videos"]),
        fake_segments=tuple(Segment(**segment) for segment in row["fake_segments"]),
        video_fake=row["video_fake"],
        audio_fake=row["audio_fake"],
        duration_s=row["duration_s"],
        fps=row["fps"],
        has_audio=row["has_audio"],
    )
