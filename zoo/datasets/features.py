"""Clips of visual and audio features, as training and evaluation samples."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from mmengine.logging import print_log
from torch.utils.data import Dataset

from zoo.datasets.cells import Cells, ranked
from zoo.datasets.randomness import uniform
from zoo.datasets.segments import carried_on, within
from zoo.datasets.splits import SPLITS, chosen_by_hash, hashed_splits, listed_splits, split_name, stored_splits
from zoo.datasets.transforms.base import FeatureTransform
from zoo.errors import ConfigError, DataError
from zoo.features.sources import open_features
from zoo.features.windows import STREAMS, Windows, column_of
from zoo.registry import build
from zoo.structures import FAKE, LABEL_NAMES, REAL, ForgerySample, Segment

_TOLD: Final = ("video_id", "corpus", "method", "label", "video_fake", "audio_fake")
_SEGMENTS: Final = "fake_segments"
_NO_ROOT_STEP: Final = (
    "Set `data_root` in the config, pass --data-root PATH, or set the environment variable ZOO_DATA_ROOT. "
    "Without a corpus, make a synthetic one with tools/make_replica.py and tools/extract_features.py."
)


class FeatureDataset(Dataset):
    """Windows of clips out of a packed feature store or an npz tree, in the order of label, corpus and method.

    A clip longer than ``seq_len`` gives a random window in training and its middle in test mode; a shorter one is
    padded. All samples have ``min(seq_len, longest clip)`` rows (``seq_len`` for a tree, whose lengths are not known
    beforehand), so a sample's values do not depend on its batch. Everything random about a sample depends on the
    seed, the epoch and its index alone.

    A sample is ``{"inputs": {"visual": float32 [t, width], "visual_mask": bool [t], "audio", "audio_mask"},
    "data_samples": ForgerySample}``; the ``sample_id`` is ``video_id#first-last`` in frames. Where frame labels are
    known they are int8 [t] in ``extra["frame_labels"]``, -1 elsewhere. Where the source has times they are seconds
    float64 [t] in ``extra["frame_times"]``, carried on evenly through padding, and ``fake_segments`` are the clip's as
    exactly as the corpus tells them: none of a genuine clip, None where it is fake and no segment is told. Of a window
    that does not show the whole clip they are those that it shows, cut off where it ends.

    Args:
        data_root: folder of the store or the tree.
        split: ``train``, ``val`` or ``test``; None takes every clip.
        seq_len: most frames of a window.
        modality: ``both``, or the only stream that is read and given.
        transforms: ``FeatureTransform`` objects or their configs, applied in order.
        test_mode: no random windows, and one class is enough.
        splits_file: JSON of ids by split (``zoo.datasets.splits.listed_splits``). Otherwise the data's own splits
            hold, and where it has none a hash decides.
        split_ratio: shares of train, val and test for the hash.
        split_seed: of the hash.
        seed: of random windows and transforms until a sampler sets its own.
        limit: use at most so many clips, in the classes' proportion, chosen by hash.
        visual_dim: expected width of visual features; None takes what is there.
        audio_dim: likewise of audio features.
        max_bad_fraction: above 0, every clip is read at the start, and broken ones are left out and named if they are
            no more than this share. At 0 a broken clip is an error when it is read.
        max_extra_rows: rows by which the streams of a tree's clip may differ when their rates are unknown.
        corpus: name of the corpus of a tree; the folder's name by default.

    Attributes:
        excluded: ``video_id`` to reason of the split's clips that are left out.
        visual_dim, audio_dim: widths of the features.

    Raises:
        DataError: no data root, nothing recognised there, another width than expected, an empty split, in training a
            split of one class, or more bad clips than allowed.
    """

    metainfo: Final[Mapping] = {"classes": LABEL_NAMES}

    def __init__(
        self,
        data_root: str | None = None,
        *,
        split: str | None = "train",
        seq_len: int = 256,
        modality: Literal["both", "visual", "audio"] = "both",
        transforms: Sequence[FeatureTransform | Mapping] = (),
        test_mode: bool = False,
        splits_file: str | None = None,
        split_ratio: Sequence[float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        seed: int = 0,
        limit: int | None = None,
        visual_dim: int | None = None,
        audio_dim: int | None = None,
        max_bad_fraction: float = 0.0,
        max_extra_rows: int = 2,
        corpus: str | None = None,
    ):
        if data_root is None:
            raise DataError("No data root is given.", where="FeatureDataset", next_step=_NO_ROOT_STEP)
        if isinstance(data_root, list | tuple):
            raise ConfigError(f"FeatureDataset reads one data root, not {len(data_root)}.", where=data_root)
        if modality not in ("both", *STREAMS):
            raise ConfigError(f"modality must be 'both', 'visual' or 'audio', not {modality!r}.")
        if seq_len < 1:
            raise ConfigError(f"seq_len must be at least 1; it is {seq_len}.", where="FeatureDataset")
        self.data_root = str(data_root)
        self.split = None if split is None else split_name(split)
        self.seq_len = seq_len
        self.streams = STREAMS if modality == "both" else (modality,)
        self.transforms = [build("transform", transform) for transform in transforms]
        self.test_mode = test_mode
        self._clock = torch.tensor([seed, 0]).share_memory_()
        self.source = open_features(data_root, corpus=corpus, max_extra_rows=max_extra_rows)
        self._check_widths(visual_dim, audio_dim)
        self.visual_dim, self.audio_dim = self.source.visual_dim, self.source.audio_dim
        self._told = self.source.index.select(list(_TOLD))
        index = self.source.index
        self._segments = index[_SEGMENTS] if _SEGMENTS in index.column_names else None

        splits = self._splits(splits_file, split_ratio, split_seed)
        self._split_sizes = {name: int((splits == value).sum()) for value, name in enumerate(SPLITS)}
        chosen = np.ones(len(splits), bool) if self.split is None else splits == SPLITS.index(self.split)
        rows = self._usable(np.flatnonzero(chosen), max_bad_fraction)
        if limit is not None and limit < len(rows):
            ids = self.source.index["video_id"].take(pa.array(rows)).to_pylist()
            rows = rows[chosen_by_hash(ids, self._labels_of(rows), limit)]
        told = self._told.take(pa.array(rows))
        (corpora, corpus_names), (methods, method_names) = ranked(told["corpus"]), ranked(told["method"])
        order = np.lexsort((methods, corpora, labels := self._labels_of(rows)))
        self._rows, self._labels = rows[order], labels[order]
        self._cells = Cells.of_runs(
            self._labels,
            corpora[order],
            methods[order],
            np.ones(len(rows), np.int64),
            corpus_names=corpus_names.to_pylist(),
            method_names=method_names.to_pylist(),
        )
        self._check_classes()
        self._size = min(seq_len, self.source.longest(self._rows) or seq_len)

    def __len__(self) -> int:
        return len(self._rows)

    def labels(self) -> np.ndarray:
        """int8 [n], 0 = real, 1 = fake, rising; -1 where hidden."""
        return self._labels

    def cells(self) -> Cells:
        """The clips by corpus, label and method."""
        return self._cells

    def class_counts(self) -> dict[int, int]:
        """Number of clips by label."""
        return {label: int((self._labels == label).sum()) for label in (REAL, FAKE)}

    def provenance(self) -> dict:
        """What this data is, as plain values: ``kind``, ``hash``, ``fingerprint``, ``corpora``, sizes of the splits."""
        corpora = self.source.index["corpus"].take(pa.array(self._rows)).value_counts().to_pylist()
        return {
            **self.source.provenance(),
            "corpora": {item["values"]: item["counts"] for item in sorted(corpora, key=lambda item: item["values"])},
            "split": self.split,
            "clips": len(self),
            "excluded": len(self.excluded),
            "split_sizes": self._split_sizes,
        }

    def set_epoch(self, epoch: int, seed: int | None = None) -> None:
        """Let the samples be those of ``epoch``, in this process and in workers that live already."""
        self._clock[1] = epoch
        if seed is not None:
            self._clock[0] = seed

    def __getitem__(self, index: int) -> dict:
        batch = self.__getitems__([index])
        inputs = {name: values[0] for name, values in batch["inputs"].items()}
        return {"inputs": inputs, "data_samples": batch["data_samples"][0]}

    def __getitems__(self, indices: Sequence[int]) -> dict:
        """The samples at ``indices`` as one batch: ``inputs`` [b, t, ...] and a list of ``data_samples``."""
        rows = self._rows[np.asarray(indices)]
        clips = self.source.open(rows, self.streams)
        generators = self._generators(indices)
        starts, stops = self._windows(clips.lengths, np.asarray(indices), generators)
        windows = clips.read(starts, stops, size=self._size)
        inputs = {**windows.features, **{f"{name}_mask": mask for name, mask in windows.masks.items()}}
        if self.transforms:
            self._transform(inputs, generators)
        ordered = {name: inputs[name] for stream in self.streams for name in (stream, f"{stream}_mask")}
        return {"inputs": ordered, "data_samples": self._describe(rows, starts, stops, clips.lengths, windows)}

    def _generators(self, indices: Sequence[int]) -> list[np.random.Generator]:
        if not self.transforms:
            return []
        seed, epoch = self._clock.tolist()
        return [np.random.default_rng([seed, epoch, index]) for index in indices]

    def _windows(
        self, lengths: np.ndarray, indices: np.ndarray, generators: Sequence[np.random.Generator]
    ) -> tuple[np.ndarray, np.ndarray]:
        spare = np.maximum(lengths - self.seq_len, 0)
        starts = spare // 2
        if not self.test_mode:
            starts = (uniform(indices, key=self._clock.tolist()) * (spare + 1)).astype(np.int64)
        stops = np.minimum(starts + self.seq_len, lengths)
        for index, rng in enumerate(generators):
            for transform in self.transforms:
                starts[index], stops[index] = transform.window(
                    int(starts[index]), int(stops[index]), int(lengths[index]), rng
                )
        return starts, stops

    def _transform(self, inputs: dict[str, torch.Tensor], generators: Sequence[np.random.Generator]) -> None:
        arrays = {name: values.numpy() for name, values in inputs.items()}
        for index, rng in enumerate(generators):
            sample = {name: values[index] for name, values in arrays.items()}
            for transform in self.transforms:
                sample = transform(sample, rng)
            for name, values in arrays.items():
                if not np.shares_memory(sample[name], values):
                    values[index] = sample[name]

    def _describe(
        self, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray, lengths: np.ndarray, windows: Windows
    ) -> list[ForgerySample]:
        told = self._told.take(pa.array(rows)).to_pydict()
        firsts, lasts = np.maximum(starts, 0), np.minimum(stops, lengths)
        times, frame_labels = windows.times.numpy(), windows.frame_labels.numpy()
        begin = times[np.arange(len(rows)), firsts - starts]
        last = times[np.arange(len(rows)), lasts - 1 - starts]
        steps = (last - begin) / np.maximum(lasts - firsts - 1, 1)
        end = last + steps
        ranges = zip(firsts.tolist(), lasts.tolist(), begin.tolist(), end.tolist(), strict=True)
        labelled = np.flatnonzero((frame_labels >= 0).any(axis=1)).tolist()
        samples = []
        facts = zip(*told.values(), strict=True)
        for fact, (first, stop, start_s, end_s) in zip(facts, ranges, strict=True):
            video_id, corpus, method, label, video_fake, audio_fake = fact
            sample = ForgerySample(
                sample_id=f"{video_id}#{first}-{stop}",
                video_id=video_id,
                corpus=corpus,
                method=method,
                label=label if label >= 0 else None,
                start_s=None if isnan(start_s) else start_s,
                end_s=None if isnan(start_s) else end_s,
                video_fake=video_fake,
                audio_fake=audio_fake,
            )
            samples.append(sample)
        for index, sample in enumerate(samples):
            if sample.start_s is not None:
                shown = slice(firsts[index] - starts[index], lasts[index] - starts[index])
                sample.extra["frame_times"] = carried_on(times[index], shown, step_s=float(steps[index]))
            whole = firsts[index] == 0 and lasts[index] == lengths[index]
            sample.fake_segments = self._truth(int(rows[index]), sample, whole=whole)
        for index in labelled:
            samples[index].extra["frame_labels"] = frame_labels[index]
        return samples

    def _truth(self, row: int, sample: ForgerySample, *, whole: bool) -> tuple[Segment, ...] | None:
        if sample.label == REAL:
            return ()
        if self._segments is None or sample.start_s is None or sample.end_s is None or sample.label is None:
            return None
        if not (told := tuple(Segment(**segment) for segment in self._segments[row].as_py())):
            return None
        return told if whole else within(told, start_s=sample.start_s, end_s=sample.end_s)

    def _check_widths(self, visual_dim: int | None, audio_dim: int | None) -> None:
        for name, wanted in (("visual", visual_dim), ("audio", audio_dim)):
            have = getattr(self.source, f"{name}_dim")
            if wanted is not None and have != wanted:
                raise DataError(
                    f"{name} features are {have} wide; {wanted} are expected.",
                    where=self.data_root,
                    next_step=f"Extract with the embedder that the model is for, or set {name}_dim={have} and the "
                    "model's input width.",
                )

    def _splits(self, splits_file: str | None, ratios: Sequence[float], seed: int) -> np.ndarray:
        index = self.source.index
        if splits_file is not None:
            return listed_splits(splits_file, index["video_id"].to_pylist())
        splits = stored_splits(index["split"], where=self.data_root)
        if splits is None:
            splits = hashed_splits(self.source.ties(), column_of(index, "label"), ratios=ratios, seed=seed)
        return splits

    def _usable(self, rows: np.ndarray, max_bad_fraction: float) -> np.ndarray:
        """``rows`` without the clips that are known to be of no use and, if asked for, broken ones."""
        names = self.source.index["video_id"]
        self.excluded = self.source.known_faults(rows, self.streams)
        left = _without(rows, names, self.excluded)
        if max_bad_fraction > 0:
            broken = self.source.scan(left, self.streams)
            if len(broken) > max_bad_fraction * len(left):
                raise DataError(
                    f"{len(broken)} of {len(left)} clips are broken, more than max_bad_fraction={max_bad_fraction}:"
                    f"{_listing(broken, most=10)}",
                    where=self.data_root,
                    next_step="Extract these clips again, or remove them.",
                )
            self.excluded |= broken
            left = _without(left, names, broken)
        if self.excluded:
            print_log(
                f"{len(self.excluded)} of {len(rows)} clips of split {self.split!r} are left out:"
                f"{_listing(self.excluded, most=20)}",
                logger="current",
                level=logging.WARNING,
            )
        return left

    def _labels_of(self, rows: np.ndarray) -> np.ndarray:
        return column_of(self.source.index, "label")[rows]

    def _check_classes(self) -> None:
        if not len(self):
            raise DataError(
                f"Split {self.split!r} has no clips that can be used (splits: {self._split_sizes}, left out: "
                f"{len(self.excluded)}).",
                where=self.data_root,
                next_step="Check the split's name, split_ratio or splits_file, and the report of the extraction.",
            )
        if not self.test_mode and len(present := np.unique(self._labels)) < 2:
            name = LABEL_NAMES[present[0]] if present[0] >= 0 else "unlabelled"
            raise DataError(
                f"Split {self.split!r} holds only {name} clips; training needs both classes.",
                where=self.data_root,
                next_step="Add clips of the other class, or check split_ratio, splits_file and labels.",
            )


def _without(rows: np.ndarray, names: pa.ChunkedArray, excluded: Mapping[str, str]) -> np.ndarray:
    if not excluded:
        return rows
    out = pc.is_in(names.take(pa.array(rows)), value_set=pa.array(list(excluded), names.type))
    return rows[~out.to_numpy()]


def _listing(reasons: Mapping[str, str], *, most: int) -> str:
    lines = [f"\n  {name}: {reason}" for name, reason in list(reasons.items())[:most]]
    return "".join(lines) + ("\n  ..." if len(reasons) > most else "")
