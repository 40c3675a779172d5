"""The crops of one split, out of one or several manifests, as columns: no Python object a crop."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.datasets.cells import ranked
from zoo.datasets.crop_reader import CropReader
from zoo.datasets.manifest import Manifest
from zoo.datasets.splits import SPLITS, split_name
from zoo.errors import DataError, did_you_mean
from zoo.faces.crop import resized
from zoo.structures import ForgerySample

COLUMNS: Final = (
    *("sample_id", "video_id", "corpus", "split", "label"),
    *("method", "track", "position", "time_s", "path"),
)
"""The columns of a manifest that are needed."""

_KEPT: Final = ["sample_id", "path", "time_s"]  # beside what is told once a video


class CropTable:
    """Crops in the order of label, corpus, method, video, track and position, whatever that of the manifests is.

    So the crops of one video lie side by side, and the videos of one cell (label, corpus, method) do too.

    Columns of numbers are numpy arrays and columns of texts are Arrow's, so a forked data loader worker shares all of
    them. ``n`` crops of ``v`` videos:

    Args:
        manifests: as read, at least with `COLUMNS`, and of different videos.
        split: ``train``, ``val`` or ``test``; None takes every crop.
        corpora: names of those that are taken; None takes all.
        methods: likewise of manipulation methods. Real videos have a method too, such as ``real``.
        image_size: side in pixels to which crops are resized; None takes them as they are, all of one size.

    Attributes:
        starts: int64 [v + 1], the first crop of each video, and ``n``.
        tracks: int16 [n], which face of its video a crop shows.
        labels: int8 [v], rising: -1 unknown, 0 real, 1 fake.
        corpora, methods: int32 [v], places in ``corpus_names`` and ``method_names``, which are sorted.

    Raises:
        DataError: a video in two manifests, crops of different sizes, a split with an unknown name, or a corpus or
            method that is nowhere.
    """

    def __init__(
        self,
        manifests: Sequence[Manifest],
        *,
        split: str | None,
        corpora: Collection[str] | None = None,
        methods: Collection[str] | None = None,
        image_size: int | None = None,
    ):
        _refuse_mixtures(manifests, any_size=image_size is not None)
        _require_names("corpus", corpora, manifests)
        _require_names("method", methods, manifests)
        chosen = [_chosen(manifest, split, corpora, methods) for manifest in manifests]
        kept = [
            replace(manifest, table=manifest.table.select(_kept(manifest)).filter(mask).combine_chunks())
            for manifest, mask in zip(manifests, chosen, strict=True)
        ]
        self._readers = [CropReader(manifest) for manifest in kept]
        self._image_size = image_size
        self._origins = [manifest.provenance for manifest in kept]
        self._points = [_shares(manifest) for manifest in kept]
        self._ids = [manifest.table["sample_id"] for manifest in kept]
        self._times = np.concatenate([manifest.table["time_s"].to_numpy() for manifest in kept])
        self._offsets = np.cumsum([0, *(len(manifest.table) for manifest in kept)])

        names = ["video_id", "corpus", "method", "label", "track", "position"]
        told = pa.concat_tables(
            manifest.table.select(names).filter(mask) for manifest, mask in zip(manifests, chosen, strict=True)
        )
        keys = {name: told[name].to_numpy() for name in ("position", "track", "label")}
        videos, video_names = ranked(told["video_id"])
        methods, self.method_names = ranked(told["method"])
        corpora, self.corpus_names = ranked(told["corpus"])
        del told
        self._order = np.lexsort((keys["position"], keys["track"], videos, methods, corpora, keys["label"]))
        self.tracks = keys["track"][self._order]
        changes = np.zeros(len(self._order), bool)
        for values in (videos, methods, corpora, keys["label"]):
            changes |= np.diff(values[self._order], prepend=-2) != 0
        firsts = np.flatnonzero(changes)
        self.starts = np.append(firsts, len(self._order)).astype(np.int64)
        rows = self._order[firsts]
        self.labels, self.corpora, self.methods = keys["label"][rows], corpora[rows], methods[rows]
        self._video_names = video_names.take(pa.array(videos[rows]))

    def __len__(self) -> int:
        return len(self._order)

    def video_ids(self, videos: np.ndarray) -> list[str]:
        """The ids of ``videos``, int64 [k]."""
        return self._video_names.take(pa.array(videos)).to_pylist()

    def corpus_counts(self, videos: np.ndarray) -> dict[str, int]:
        """How many crops of ``videos`` each corpus has."""
        crops = np.diff(self.starts)[videos]
        counts = np.bincount(self.corpora[videos], weights=crops, minlength=len(self.corpus_names))
        pairs = zip(self.corpus_names.to_pylist(), counts.astype(int).tolist(), strict=True)
        return {name: count for name, count in pairs if count}

    def picture(self, crop: int, *, out: np.ndarray | None = None) -> np.ndarray:
        """The picture of ``crop``, uint8 [size, size, 3], RGB; see `CropReader.picture` for ``out``.

        Raises:
            DataError: it cannot be read.
        """
        part, row = self._place(crop)
        try:
            picture = self._readers[part].picture(row, out=None if self._image_size else out)
        except DataError as error:
            what = f"{error.what} It is sample {self._ids[part][row].as_py()}."
            raise DataError(what, where=error.where, next_step=error.next_step) from error
        return picture if self._image_size is None else resized(picture, self._image_size)

    def face(self, crop: int) -> tuple[np.ndarray, Mapping[str, Any]]:
        """The points of the face in ``crop``, float32 [5, 2] as shares of its sides (NaN where unknown, or where the
        manifests were read without ``points``), and how its manifest says that crops were made."""
        part, row = self._place(crop)
        points = self._points[part]
        return np.full((5, 2), np.nan, np.float32) if points is None else points[row], self._origins[part]

    def count_points(self, videos: np.ndarray) -> tuple[int, int]:
        """How many crops of ``videos`` have points, and how many have none."""
        known = [
            np.zeros(len(ids), bool) if points is None else np.isfinite(points).any(axis=(1, 2))
            for ids, points in zip(self._ids, self._points, strict=True)
        ]
        counts = np.diff(self.starts)
        chosen = np.repeat(np.isin(np.arange(len(counts)), videos), counts)
        has = np.concatenate(known)[self._order][chosen]
        return int(has.sum()), int((~has).sum())

    def describe(self, crop: int, video: int) -> ForgerySample:
        """What the manifest tells of ``crop``, which is one of ``video``."""
        part, row = self._place(crop)
        label = int(self.labels[video])
        time_s = float(self._times[self._order[crop]])
        return ForgerySample(
            sample_id=self._ids[part][row].as_py(),
            video_id=self._video_names[video].as_py(),
            corpus=self.corpus_names[self.corpora[video]].as_py(),
            method=self.method_names[self.methods[video]].as_py(),
            label=label if label >= 0 else None,
            start_s=time_s,
            end_s=time_s,
        )

    def _place(self, crop: int) -> tuple[int, int]:
        """Which manifest ``crop`` is of, and which row of it."""
        row = int(self._order[crop])
        part = int(np.searchsorted(self._offsets, row, side="right")) - 1
        return part, row - int(self._offsets[part])


def _chosen(
    manifest: Manifest, split: str | None, corpora: Collection[str] | None, methods: Collection[str] | None
) -> pa.Array | pa.ChunkedArray:
    """Boolean [rows]: which crops are asked for."""
    mask = pa.array(np.ones(len(manifest.table), bool))
    if split is not None:
        names = [name for name in pc.unique(manifest.table["split"]).to_pylist() if name is not None]
        same = [name for name in names if _known(name, where=manifest.root) == split]
        mask = pc.is_in(manifest.table["split"], value_set=pa.array(same, pa.string()))
    for column, wanted in (("corpus", corpora), ("method", methods)):
        if wanted is not None:
            found = pc.is_in(manifest.table[column], value_set=pa.array(list(wanted), pa.string()))
            mask = pc.and_(mask, found)
    return mask


def _known(name: str, *, where: object) -> str:
    try:
        return split_name(name)
    except DataError as error:
        raise DataError(error.what, where=where, next_step=f"Splits are {', '.join(SPLITS)}.") from error


def _kept(manifest: Manifest) -> list[str]:
    return [*_KEPT, "points"] if "points" in manifest.table.column_names else _KEPT


def _shares(manifest: Manifest) -> np.ndarray | None:
    """The points of crops as shares of their sides, float32 [n, 5, 2]; None where they were not read."""
    size = manifest.provenance.get("image_size")
    if "points" not in manifest.table.column_names or size is None:
        return None
    column = manifest.table["points"].combine_chunks()
    points = np.full((len(column), 10), np.nan, np.float32)
    if column.null_count < len(column):
        points[column.is_valid().to_numpy(zero_copy_only=False)] = column.flatten().to_numpy().reshape(-1, 10)
    return (points.reshape(-1, 5, 2) + np.float32(0.5)) / np.float32(size)


def crop_size(manifests: Sequence[Manifest]) -> int | None:
    """The side in pixels that the crops of ``manifests`` have; None if they do not say, or differ."""
    sizes = {manifest.provenance.get("image_size") for manifest in manifests}
    return sizes.pop() if len(sizes) == 1 else None


def _refuse_mixtures(manifests: Sequence[Manifest], *, any_size: bool) -> None:
    sizes = {size for manifest in manifests if (size := manifest.provenance.get("image_size")) is not None}
    if len(sizes) > 1 and not any_size:
        raise DataError(
            f"The crops have different sizes: {', '.join(map(str, sorted(sizes)))} pixels.",
            where=", ".join(str(manifest.root) for manifest in manifests),
            next_step="Set image_size for the dataset, or preprocess all corpora with one --image-size.",
        )
    videos = pa.concat_tables(
        manifest.table.select(["corpus", "video_id"]).group_by(["corpus", "video_id"]).aggregate([])
        for manifest in manifests
    )
    counts = videos.group_by(["corpus", "video_id"]).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if len(twice):
        raise DataError(
            f"{len(twice)} videos are in two manifests; the first is {twice['video_id'][0].as_py()!r}.",
            where=", ".join(str(manifest.root) for manifest in manifests),
            next_step="Name each manifest once, and preprocess a corpus into one folder only.",
        )


def _require_names(column: str, wanted: Collection[str] | None, manifests: Sequence[Manifest]) -> None:
    if wanted is None:
        return
    there = sorted({name for manifest in manifests for name in manifest.table[column].unique().to_pylist()})
    if unknown := sorted(set(wanted) - set(there)):
        raise DataError(
            f"No crop has the {column} {unknown[0]!r}.{did_you_mean(unknown[0], there)}",
            where=", ".join(str(manifest.root) for manifest in manifests),
            next_step=f"There are: {', '.join(there)}.",
        )
