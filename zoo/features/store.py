"""The packed feature store: written a video at a time by any number of processes, read at random."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import torch

from zoo.errors import DataError
from zoo.features import pack
from zoo.features.buffers import allocate, scratch
from zoo.features.layout import ARRAYS, BLOBS, INDEX, META, StoreMeta, record_of
from zoo.features.parts import json_safe, pack_frames, pack_rows, write_part
from zoo.features.windows import STREAMS, Windows, blank_frames, column_of, overlap, windows_of
from zoo.files import atomic_write, read_npz
from zoo.structures import VideoRecord


class FeatureStoreWriter:
    """Adds videos to the store at ``root``, which is created if it is absent.

    Several processes may each have a writer on one folder; ``pack`` is called by one of them when all are done. A
    video is written whole or not at all, so that extraction resumes after a kill with ``done``.

    Args:
        root: the store's folder.
        fingerprint: plain value (text or JSON mapping) that names the extractor and all that shapes its output.
        visual_dim: width of visual features.
        audio_dim: width of audio features.
        saved_arrays: arrays without which the extractor would be another one, e.g. projections; kept in the store.
        dtype: ``float32`` or ``float16``, the type on the disk.

    Raises:
        DataError: the store there has another fingerprint, other widths, another dtype or other saved arrays.
    """

    def __init__(
        self,
        root: str | os.PathLike,
        *,
        fingerprint: str | Mapping,
        visual_dim: int = 512,
        audio_dim: int = 512,
        saved_arrays: Mapping[str, np.ndarray] | None = None,
        dtype: str = "float32",
    ):
        if dtype not in ("float32", "float16"):
            raise DataError(f"A feature store holds float32 or float16, not {dtype!r}.", where=root)
        self.root = Path(root)
        arrays = dict(saved_arrays or {})
        meta = StoreMeta(
            fingerprint=json_safe(fingerprint),
            visual_dim=visual_dim,
            audio_dim=audio_dim,
            dtype=dtype,
            arrays=_digest_arrays(arrays) if arrays else None,
        )
        if (self.root / META).exists():
            self.meta = StoreMeta.read(self.root)
            _refuse_another_extractor(self.meta, meta, self.root)
            return
        self.meta = meta
        if arrays:
            with atomic_write(self.root / ARRAYS) as file:
                np.savez(file, allow_pickle=False, **arrays)
        meta.write(self.root)

    def done(self) -> set[str]:
        """Ids of the videos that are in the store, packed or not, whatever their status."""
        ids = {part.row["video_id"] for part in pack.find_parts(self.root, self.meta)}
        meta = StoreMeta.read(self.root)
        if meta.pack is not None:
            ids.update(pack.read_index(self.root / meta.pack / INDEX)["video_id"].to_pylist())
        return ids

    def add(
        self,
        record: VideoRecord,
        visual: np.ndarray | None = None,
        audio: np.ndarray | None = None,
        times: np.ndarray | None = None,
        visual_mask: np.ndarray | None = None,
        audio_mask: np.ndarray | None = None,
        *,
        frame_labels: np.ndarray | None = None,
        status: str = "ok",
        ledger: Mapping | None = None,
    ) -> None:
        """Write the features of one video, of ``n`` frames.

        Args:
            record: the video; its id is the clip's key, and a clip of the same id is replaced.
            visual: [n, visual_dim], or None where there is none.
            audio: [n, audio_dim], joined to the same frames by time, or None.
            times: seconds [n], not falling; None for a video that gave nothing.
            visual_mask: bool [n], True where a face was found; None means everywhere there are features.
            audio_mask: bool [n], True where there is sound; None means everywhere there are features.
            frame_labels: 0 = real, 1 = fake a frame [n], -1 unknown.
            status: ``ok`` or the reason why the clip cannot be used in training (``no_face``, ``decode_error``, ...).
            ledger: what the decoder reports, as plain values.

        Raises:
            DataError: wrong shapes, times that fall, values that are not finite under their mask, or no frames
                although the status is ``ok``.
        """
        try:
            times = np.zeros(0) if times is None else np.asarray(times, np.float64)
            if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
                raise ValueError("times must be finite seconds [n] that do not fall")
            if status == "ok" and not len(times):
                raise ValueError("there are no frames, yet the status is 'ok'")
            masks = {
                "visual": _mask(visual_mask, visual, times, "visual"),
                "audio": _mask(audio_mask, audio, times, "audio"),
            }
            if frame_labels is not None:
                frame_labels = np.asarray(frame_labels)
                if frame_labels.shape != times.shape or not np.isin(frame_labels, (-1, 0, 1)).all():
                    raise ValueError("frame_labels must be 0, 1 or -1, one a frame")
            blobs = (
                pack_frames(times, masks["visual"], masks["audio"], frame_labels),
                pack_rows(visual, masks["visual"], width=self.meta.visual_dim, meta=self.meta, what="visual"),
                pack_rows(audio, masks["audio"], width=self.meta.audio_dim, meta=self.meta, what="audio"),
            )
        except ValueError as error:
            raise DataError(
                f"Features of {record.video_id!r} are refused: {error}.",
                where=record.path,
                next_step="Mend the extractor, or add the video with a status that says what failed.",
            ) from error
        write_part(self.root, self.meta, record, blobs, status=status, ledger=ledger)

    def pack(self) -> StoreMeta:
        """Merge all parts into the pack; see ``zoo.features.pack.merge``."""
        self.meta = pack.merge(self.root, StoreMeta.read(self.root))
        return self.meta


@dataclass(frozen=True, slots=True)
class StoredClips:
    """Some clips of a packed store; see ``zoo.features.windows.OpenClips``."""

    store: FeatureStore
    rows: np.ndarray
    streams: Sequence[str]
    lengths: np.ndarray

    def read(self, starts: np.ndarray, stops: np.ndarray, *, size: int) -> Windows:
        return self.store.read(self.rows, starts, stops, size=size, streams=self.streams)


class FeatureStore:
    """Reads a packed store. Files are read, not mapped: cold reads are faster and resident memory stays flat.

    Attributes:
        index: one row a clip (``zoo.features.layout.SCHEMA``), memory-mapped.
        lengths: frames a clip, int64 [clips].
        hash: digest of all clips, what they say and what they hold.

    Raises:
        DataError: no store at ``root``, nothing packed yet, or files that do not fit the index.
    """

    def __init__(self, root: str | os.PathLike):
        self.root = Path(root)
        self.meta = StoreMeta.read(self.root)
        if not self.meta.clips:
            raise DataError(
                "The feature store holds no packed clip.",
                where=root,
                next_step="Let the extraction finish, or run it again: it resumes, packs and reports failures.",
            )
        self.visual_dim, self.audio_dim = self.meta.visual_dim, self.meta.audio_dim
        self._open()

    def _open(self) -> None:
        folder = self.root / str(self.meta.pack)
        try:
            self.index = pack.read_index(folder / INDEX)
            sizes = [(folder / name).stat().st_size for name in BLOBS]
        except (OSError, ValueError) as error:
            raise DataError(f"Cannot open the pack: {error}.", where=folder, next_step="Extract again.") from error
        expected = [self.meta.rows * width for width in self.meta.bytes_per_row()]
        if sizes != expected or len(self.index) != self.meta.clips:
            raise DataError("The pack does not have the size that meta.json tells.", where=folder)
        self.lengths = column_of(self.index, "length")
        self._offsets = column_of(self.index, "offset")
        self._files = [os.open(folder / name, os.O_RDONLY) for name in BLOBS]

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict:
        return {"root": self.root, "meta": self.meta, "visual_dim": self.visual_dim, "audio_dim": self.audio_dim}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def __del__(self) -> None:
        for file in getattr(self, "_files", ()):
            os.close(file)

    @property
    def hash(self) -> str:
        return str(self.meta.hash)

    @property
    def fingerprint(self) -> str | Mapping:
        """What the extractor called itself."""
        return self.meta.fingerprint

    def record(self, row: int) -> VideoRecord:
        """The video that clip ``row`` was extracted from."""
        return record_of(self.index.slice(row, 1).to_pylist()[0])

    def saved_array(self, name: str) -> np.ndarray:
        """An array that the extractor kept in the store."""
        return read_npz(self.root / ARRAYS, name)

    def provenance(self) -> dict:
        return {"kind": "feature_store", "hash": self.hash, "fingerprint": self.fingerprint}

    def longest(self, rows: np.ndarray) -> int:
        return int(self.lengths[rows].max())

    def known_faults(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> dict[str, str]:
        """What extraction gave up, and clips without one valid frame of ``streams``."""
        empty = np.all([column_of(self.index, f"{name}_frames")[rows] == 0 for name in streams], axis=0)
        given_up = pc.not_equal(self.index["status"], "ok").to_numpy()[rows]
        columns = self.index.select(["video_id", "status"]).take(rows[empty | given_up]).to_pydict()
        no_frame = f"no valid {' or '.join(streams)} frame"
        pairs = zip(columns["video_id"], columns["status"], strict=True)
        return {video_id: no_frame if status == "ok" else status for video_id, status in pairs}

    def ties(self) -> list[list[str]]:
        """What binds clips to one side of a split: the people in them, and the videos they were made of."""
        columns = self.index.select(["video_id", "identities", "source_videos"]).to_pydict()
        return [[video_id, *people, *sources] for video_id, people, sources in zip(*columns.values(), strict=True)]

    def open(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> StoredClips:
        return StoredClips(self, rows, streams, self.lengths[rows])

    def read(
        self,
        rows: np.ndarray,
        starts: np.ndarray,
        stops: np.ndarray,
        *,
        size: int | None = None,
        streams: Sequence[str] = STREAMS,
    ) -> Windows:
        """Windows of many clips at once.

        Args:
            rows: int [b], clips of the index.
            starts: int [b], first frame of each window; may be negative.
            stops: int [b], one past its last frame; may lie beyond the clip. Frames outside are masked.
            size: frames a window in the result, padded at the end; the longest window's by default.
            streams: which of ``visual`` and ``audio`` to read.

        Raises:
            DataError: a file ends early.
        """
        rows, starts, stops = np.asarray(rows), np.asarray(starts), np.asarray(stops)
        size = int((stops - starts).max()) if size is None else size
        if (stops - starts > size).any():
            raise ValueError(f"A window is longer than size={size}.")
        first, count, lead = overlap(starts, stops, self.lengths[rows])
        plan = list(zip((self._offsets[rows] + first).tolist(), count.tolist(), lead.tolist(), strict=True))
        frames = blank_frames(len(rows), size)
        self._read_blob(0, frames, plan)
        return windows_of({name: self._read_stream(name, plan, size) for name in streams}, frames)

    def scan(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> dict[str, str]:
        """The clips whose bytes are not those that were written; reads all their files, whatever ``streams``."""
        broken = {}
        for row in np.asarray(rows).tolist():
            digest = hashlib.sha256()
            for file, width in zip(self._files, self.meta.bytes_per_row(), strict=True):
                digest.update(os.pread(file, int(self.lengths[row]) * width, int(self._offsets[row]) * width))
            if digest.hexdigest() != self.index["sha256"][row].as_py():
                broken[self.index["video_id"][row].as_py()] = "its bytes are not those that were written"
        return broken

    def _read_stream(self, name: str, plan: Sequence[tuple[int, int, int]], size: int) -> torch.Tensor:
        width = self.visual_dim if name == "visual" else self.audio_dim
        half = self.meta.row_type.itemsize == 2
        shape = (len(plan), size, width)
        rows = scratch(shape, np.float16) if half else allocate(shape)
        values = rows.numpy()
        for index, (_, count, lead) in enumerate(plan):
            values[index, :lead] = 0
            values[index, lead + count :] = 0
        self._read_blob(1 + STREAMS.index(name), values, plan)
        return allocate(shape).copy_(rows) if half else rows  # torch casts 8 x faster than numpy

    def _read_blob(self, blob: int, into: np.ndarray, plan: Sequence[tuple[int, int, int]]) -> None:
        file, width = self._files[blob], self.meta.bytes_per_row()[blob]
        into = into.view(np.uint8).reshape(len(into), into.shape[1], width)
        for index, (offset, count, lead) in enumerate(plan):
            if count:
                target, position = into[index, lead : lead + count], offset * width
                got = os.preadv(file, [target.data], position)
                if got != count * width:
                    self._read_rest(file, target.reshape(-1)[got:], position + got)

    def _read_rest(self, file: int, target: np.ndarray, position: int) -> None:
        while len(target):
            if not (got := os.preadv(file, [target.data], position)):
                raise DataError("A file of the pack ends early.", where=self.root, next_step="Extract again.")
            target, position = target[got:], position + got


def _mask(mask: np.ndarray | None, values: np.ndarray | None, times: np.ndarray, what: str) -> np.ndarray:
    if mask is None:
        return np.full(len(times), values is not None)
    mask = np.asarray(mask)
    if mask.shape != times.shape or mask.dtype != bool:
        raise ValueError(f"{what}_mask must be bool, one a frame")
    return mask


def _digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        if array.dtype.hasobject:
            raise DataError(f"Saved array {name!r} holds Python objects.", next_step="Save plain numbers.")
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _refuse_another_extractor(have: StoreMeta, want: StoreMeta, root: Path) -> None:
    differing = [
        f"{name} {getattr(have, name)!r}, now {getattr(want, name)!r}"
        for name in ("fingerprint", "visual_dim", "audio_dim", "dtype", "arrays")
        if getattr(have, name) != getattr(want, name)
    ]
    if differing:
        raise DataError(
            f"The store was written by another extractor: {'; '.join(differing)}.",
            where=root,
            next_step="Extract into a new folder: two extractors never share a store.",
        )
