"""Trees of ``{real,fake}/<clip>/{visual,audio}_embeddings.npz``, read as they are.

The tree may be divided: ``{train,val,test}/{real,fake}/<clip>/``. Each file holds ``embeddings``, floats [T, width].
The visual one may hold ``frame_labels`` (integers [T], 0 real, 1 fake) and each may hold ``fps``, its rows a second.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from zoo.errors import DataError
from zoo.features.buffers import allocate
from zoo.features.layout import SCHEMA
from zoo.features.parts import pack_frames
from zoo.features.windows import STREAMS, Windows, blank_frames, overlap, windows_of
from zoo.files import read_npz
from zoo.structures import LABEL_NAMES, VideoRecord

SPLITS: Final = ("train", "val", "test")
LOOKED_FOR: Final = (
    "{real,fake}/<clip>/{visual,audio}_embeddings.npz",
    "{train,val,test}/{real,fake}/<clip>/{visual,audio}_embeddings.npz",
)
_KEY: Final = "embeddings"
_PROBES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip of a tree: frame records [n] and float32 rows [n, width] of each stream that was asked for."""

    frames: np.ndarray
    features: dict[str, np.ndarray]
    fps: float | None


@dataclass(frozen=True, slots=True)
class LoadedClips:
    """Clips in memory; see ``zoo.features.windows.OpenClips``."""

    clips: Sequence[Clip]
    lengths: np.ndarray

    def read(self, starts: np.ndarray, stops: np.ndarray, *, size: int) -> Windows:
        frames = blank_frames(len(self.clips), size)
        widths = {name: rows.shape[1] for name, rows in self.clips[0].features.items()}
        features = {name: allocate((len(self.clips), size, width)) for name, width in widths.items()}
        arrays = {name: tensor.numpy() for name, tensor in features.items()}
        for index, (first, count, lead) in enumerate(zip(*overlap(starts, stops, self.lengths), strict=True)):
            clip = self.clips[index]
            frames[index, lead : lead + count] = clip.frames[first : first + count]
            for name, rows in clip.features.items():
                arrays[name][index, :lead] = 0
                arrays[name][index, lead : lead + count] = rows[first : first + count]
                arrays[name][index, lead + count :] = 0
        return windows_of(features, frames)


class NpzTree:
    """A tree of npz files as a source of clips.

    Args:
        root: the folder that holds ``real`` and ``fake``, or the splits that do.
        corpus: the corpus's name in samples and predictions; the folder's name by default.
        max_extra_rows: visual and audio rows may differ by so many when their rates are unknown; the longer is cut.

    Attributes:
        index: one row a clip, ordered by ``video_id``, which is the clip's folder relative to ``root``.

    Raises:
        DataError: no such tree, no clips in it, or the first ten are all broken.
    """

    def __init__(self, root: str | Path, *, corpus: str | None = None, max_extra_rows: int = 2):
        self.root = Path(root)
        self.max_extra_rows = max_extra_rows
        self.corpus = corpus or self.root.resolve().name
        self.index = self._list()
        if not len(self.index):
            raise DataError(
                "The feature tree holds no clips.",
                where=root,
                next_step=f"Expected {' or '.join(LOOKED_FOR)}.",
            )
        self.fingerprint = None
        first = self._first_readable()
        self.visual_dim, self.audio_dim = (first.features[name].shape[1] for name in STREAMS)

    @staticmethod
    def recognises(root: Path) -> bool:
        """Whether ``root`` looks like such a tree, by its folders alone."""
        return any((root / folder).is_dir() for folder, _, _ in _class_folders())

    def __len__(self) -> int:
        return len(self.index)

    def provenance(self) -> dict:
        """The digest covers ids and file sizes: a tree has no fingerprint, and its content is not read for this."""
        digest = hashlib.sha256()
        for name in self.index["video_id"].to_pylist():
            sizes = [_size(self.root / name / f"{stream}_embeddings.npz") for stream in STREAMS]
            digest.update(f"{name} {sizes}\n".encode())
        return {"kind": "npz_tree", "hash": digest.hexdigest(), "fingerprint": None}

    def longest(self, rows: np.ndarray) -> None:
        return None

    def known_faults(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> dict[str, str]:
        return {}

    def scan(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> dict[str, str]:
        broken = {}
        for row in np.asarray(rows).tolist():
            try:
                self.load(row, streams)
            except DataError as error:
                broken[self.index["video_id"][row].as_py()] = error.what
        return broken

    def ties(self) -> list[list[str]]:
        """What binds clips to one side of a split: clips of one name, real and fake."""
        return [[name.rpartition("/")[2]] for name in self.index["video_id"].to_pylist()]

    def open(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> LoadedClips:
        clips = [self.load(row, streams) for row in np.asarray(rows).tolist()]
        return LoadedClips(clips, np.array([len(clip.frames) for clip in clips]))

    def record(self, row: int) -> VideoRecord:
        """What the tree tells of clip ``row``; its path is the folder."""
        known = self.index.slice(row, 1).to_pylist()[0]
        del known["status"]
        return VideoRecord(**known, path=str(self.root / known["video_id"]))

    def load(self, row: int, streams: Sequence[str] = STREAMS) -> Clip:
        """The whole clip at ``row`` of the index.

        Raises:
            DataError: a file is missing, broken or pickled; rows are not floats [T, width], not finite, or of another
                width than the first readable clip's; or the streams' lengths do not match.
        """
        folder = self.root / self.index["video_id"][row].as_py()
        loaded = {name: self._load_stream(folder / f"{name}_embeddings.npz", name) for name in streams}
        rates = {name: stream.fps for name, stream in loaded.items()}
        features = {name: stream.rows for name, stream in loaded.items()}
        masks = {name: np.ones(len(rows), bool) for name, rows in features.items()}
        fps = rates[streams[0]]
        if len(features) == 2:
            features, masks["audio"] = self._join(folder, features, rates)
            masks["visual"] = masks["visual"][: len(features["visual"])]
        length = len(features[streams[0]])
        times = np.arange(length) / fps if fps else np.full(length, np.nan)
        labels = loaded["visual"].frame_labels if "visual" in loaded else None
        absent = np.zeros(length, bool)
        frames = pack_frames(
            times,
            masks.get("visual", absent),
            masks.get("audio", absent),
            None if labels is None else labels[:length],
        )
        return Clip(frames=frames, features=features, fps=fps)

    def _first_readable(self) -> Clip:
        faults = []
        for row in range(min(len(self), _PROBES)):
            try:
                return self.load(row)
            except DataError as error:
                faults.append(error)
        raise faults[0]

    def _load_stream(self, path: Path, name: str) -> _Stream:
        rows = read_npz(path, _KEY)
        if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.floating) or not len(rows):
            raise DataError(
                f"{name} features must be floats [frames, width] with at least one frame; they are {rows.dtype} "
                f"{list(rows.shape)}.",
                where=path,
                next_step="Extract this clip again, or remove it.",
            )
        width = getattr(self, f"{name}_dim", rows.shape[1])
        if rows.shape[1] != width:
            raise DataError(
                f"{name} features are {rows.shape[1]} wide; the tree's first readable clip has {width}.",
                where=path,
                next_step="Keep the clips of one extractor in one tree.",
            )
        rows = rows.astype(np.float32, copy=False)
        if not np.isfinite(rows).all():
            bad = int((~np.isfinite(rows).all(axis=1)).sum())
            raise DataError(
                f"{bad} of {len(rows)} rows of {name} features hold NaN or infinities.",
                where=path,
                next_step="Extract this clip again, remove it, or allow a share of bad clips with max_bad_fraction.",
            )
        others = _keys(path)
        fps = float(read_npz(path, "fps")) if "fps" in others else None
        if fps is not None and not (np.isfinite(fps) and fps > 0):
            raise DataError(f"fps is {fps}; it must be above 0.", where=path)
        labels = read_npz(path, "frame_labels") if name == "visual" and "frame_labels" in others else None
        if labels is not None and (labels.shape != rows.shape[:1] or not np.isin(labels, (-1, 0, 1)).all()):
            raise DataError("frame_labels must be 0, 1 or -1, one a row of embeddings.", where=path)
        return _Stream(rows, fps, labels)

    def _join(
        self, folder: Path, features: dict[str, np.ndarray], rates: dict[str, float | None]
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Audio rows at the visual rows' times, and where there are any."""
        visual, audio = features["visual"], features["audio"]
        if rates["visual"] and rates["audio"]:
            nearest = np.rint(np.arange(len(visual)) * (rates["audio"] / rates["visual"])).astype(int)
            there = nearest < len(audio)
            joined = np.zeros((len(visual), audio.shape[1]), np.float32)
            joined[there] = audio[nearest[there]]
            return {"visual": visual, "audio": joined}, there
        if abs(len(visual) - len(audio)) > self.max_extra_rows:
            raise DataError(
                f"The clip has {len(visual)} visual and {len(audio)} audio rows; they may differ by "
                f"{self.max_extra_rows}.",
                where=folder,
                next_step="Store `fps` in both files so that they are joined by time, or extract the clip again.",
            )
        length = min(len(visual), len(audio))
        return {"visual": visual[:length], "audio": audio[:length]}, np.ones(length, bool)

    def _list(self) -> pa.Table:
        rows = []
        for folder, split, label in _class_folders():
            for name in _subfolders(self.root / folder):
                rows.append((f"{folder}/{name}", split, label))
        rows.sort()
        ids, splits, labels = zip(*rows, strict=True) if rows else ((), (), ())
        flags = [None if label else False for label in labels]
        columns = {
            "video_id": ids,
            "corpus": [self.corpus] * len(ids),
            "split": splits,
            "label": labels,
            "method": [LABEL_NAMES[label] for label in labels],
            "video_fake": flags,
            "audio_fake": flags,
            "status": ["ok"] * len(ids),
        }
        arrays = [pa.array(values, SCHEMA.field(name).type) for name, values in columns.items()]
        return pa.Table.from_arrays(arrays, names=list(columns))


@dataclass(frozen=True, slots=True)
class _Stream:
    rows: np.ndarray
    fps: float | None
    frame_labels: np.ndarray | None


def _class_folders() -> Iterator[tuple[str, str | None, int]]:
    for split in (None, *SPLITS):
        for label, name in enumerate(LABEL_NAMES):
            yield (name if split is None else f"{split}/{name}"), split, label


def _subfolders(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []


def _keys(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1
