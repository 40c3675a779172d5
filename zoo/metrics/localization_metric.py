"""The metric of a localizing run: collects segments and frame scores over all ranks and computes every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray
from scipy.special import expit

from zoo.errors import ConfigError
from zoo.metrics.localization import MODES, FrameFigures, Mode, frame_figures
from zoo.metrics.localization_summary import scalars_of_localization, summarize_localization
from zoo.metrics.segment_table import check_segments, segment_rows
from zoo.metrics.thresholded import DEFAULT_THRESHOLD
from zoo.structures import ForgerySample

_Part = tuple[list[tuple[str, str]], pa.RecordBatch, NDArray[np.float32], NDArray[np.int8], NDArray[np.int64]]


class LocalizationMetric(BaseMetric):
    """Average precision and recall of the segments that a detector proposes, and figures of its frame scores.

    The names are ``localization/map``, ``ap@0.5``, ``ar@100``, ..., ``frame_auc`` and ``frame_f1``, and the same with
    ``video_`` and ``audio_`` where true segments name their modality. What the data leaves undefined is NaN. Each
    sample counts once whatever the number of ranks; memory is one row a segment and 5 bytes a frame.

    A sample without a known truth (``fake_segments`` is None) enters no figure; one that could not be predicted has no
    proposals, so that what is fake in it counts as missed. A frame is fake by the sample's own frame labels, else if
    its time lies within a true segment; frames without a score or a label are left out.

    After an evaluation, rank 0 holds ``segments`` (columns of ``zoo.metrics.segment_table.SCHEMA``) and ``summary``
    (both modes, see ``zoo.metrics.localization_summary``); both are None before, and on other ranks.

    Args:
        mode: of the figures that the run logs: ``corrected``, or ``reference`` as published evaluators reckon.
        threshold: score from which a frame is called fake.
        prefix: put before the names, for a config with two such metrics.

    Raises:
        ConfigError: an unknown mode.
    """

    default_prefix = "localization"

    def __init__(
        self, *, mode: Mode = "corrected", threshold: float = DEFAULT_THRESHOLD, prefix: str | None = None
    ) -> None:
        super().__init__(prefix=prefix)
        if mode not in MODES:
            raise ConfigError(
                f"Unknown mode {mode!r}.", where="LocalizationMetric", next_step=f"Choose one of {', '.join(MODES)}."
            )
        self.mode = mode
        self.threshold = threshold
        self.segments: pa.Table | None = None
        self.summary: dict[str, Any] | None = None

    def process(self, data_batch: Any, data_samples: Sequence[ForgerySample]) -> None:
        """Keep the segments and the frame scores of a batch."""
        frames = [frames_of(sample) for sample in data_samples]
        keys = [(sample.corpus, sample.sample_id) for sample in data_samples]
        scores, labels = (np.concatenate(column) for column in zip(*frames, strict=True))
        lengths = np.array([len(one[0]) for one in frames], np.int64)
        self.results.append((keys, segment_rows(data_samples), scores, labels, lengths))

    def evaluate(self, size: int) -> dict[str, float]:
        """Figures over the samples of all ranks; ``size`` is the number of samples in the dataset.

        Raises:
            ZooError: on every rank, when they cannot be evaluated on rank 0.
        """
        parts = all_gather_object(list(self.results))
        self.results.clear()
        outcome: list[Any] = [None]
        if is_main_process():
            try:
                outcome = [self.compute_metrics([part for rank in parts for part in rank])]
            except Exception as error:  # the other ranks wait for an outcome, so they are given this one
                outcome = [error]
        broadcast_object_list(outcome)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return {f"{self.prefix}/{name}": value for name, value in outcome[0].items()}

    def compute_metrics(self, results: list[_Part]) -> dict[str, float]:
        """Figures of what ``results`` hold, on this rank alone."""
        table, scores, labels = _distinct(results)
        self.segments = check_segments(table)
        frames: FrameFigures | None = None
        if len(scores):
            frames = frame_figures(scores, labels, threshold=self.threshold)
        self.summary = {**summarize_localization(self.segments, frames=frames), "threshold": self.threshold}
        return scalars_of_localization(self.summary, self.mode)


def frames_of(sample: ForgerySample) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Scores in [0, 1] and labels (0 = real, 1 = fake) of the frames of ``sample`` that have both."""
    if sample.status != "ok" or sample.frame_logits is None:
        return np.zeros(0, np.float32), np.zeros(0, np.int8)
    logits = np.asarray(sample.frame_logits, np.float64)
    labels = _labels(sample, len(logits))
    known = np.isfinite(logits) & (labels >= 0)
    return expit(logits[known]).astype(np.float32), labels[known]


def _labels(sample: ForgerySample, n: int) -> NDArray[np.int8]:
    """int8 [n]; -1 where unknown."""
    labels = np.full(n, -1, np.int8)
    own = sample.extra.get("frame_labels")
    if own is not None:
        own = np.asarray(own, np.int8)[:n]
        labels[: len(own)] = own
    elif sample.fake_segments is not None and sample.start_s is not None and sample.end_s is not None:
        times = sample.start_s + (np.arange(n) + 0.5) * (sample.end_s - sample.start_s) / max(n, 1)
        labels[:] = 0
        for one in sample.fake_segments:
            labels[(times >= one.start_s) & (times < one.end_s)] = 1
    return labels


def _distinct(parts: Sequence[_Part]) -> tuple[pa.Table, NDArray[np.float32], NDArray[np.int8]]:
    """Segments, and scores and labels of frames, of samples that each come once: the first of several stays."""
    seen: set[tuple[str, str]] = set()
    tables, scores, labels = [segment_rows([])], [np.zeros(0, np.float32)], [np.zeros(0, np.int8)]
    for keys, rows, part_scores, part_labels, lengths in parts:
        fresh = set(keys) - seen
        new = np.array([key in fresh for key in keys], bool)
        seen |= fresh
        if not new.all():
            pairs = zip(rows["corpus"].to_pylist(), rows["sample_id"].to_pylist(), strict=True)
            rows = rows.filter(pa.array([pair in fresh for pair in pairs], pa.bool_()))
        tables.append(rows)
        of_frames = np.repeat(new, lengths)
        scores.append(part_scores[of_frames])
        labels.append(part_labels[of_frames])
    return pa.Table.from_batches(tables), np.concatenate(scores), np.concatenate(labels)
