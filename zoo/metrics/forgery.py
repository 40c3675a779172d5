"""The metric of a run: collects one row a sample over all ranks and computes every figure from their table."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from scipy.special import expit

from zoo.metrics.summary import scalars_of, summarize
from zoo.metrics.table import SCHEMA, TIMELINE, in_order
from zoo.metrics.thresholded import DEFAULT_THRESHOLD
from zoo.structures import ForgerySample


class ForgeryMetric(BaseMetric):
    """Figures at video and sample level: ``video/auc``, ``video/macro_f1``, ``sample/eer``, ...

    The names are those of ``zoo.metrics.summary.SCALARS`` behind ``video/`` and ``sample/``; a figure that the data
    leaves undefined (one class only) is NaN. Memory is one row a sample; each sample counts once whatever the number
    of ranks, and the figures do not depend on how samples were spread over them.

    After an evaluation, rank 0 holds ``table`` (columns of ``zoo.metrics.table.SCHEMA``, sorted) and ``summary`` (all
    figures and slices, see ``zoo.metrics.summary.summarize``); both are None before, and on other ranks.

    Args:
        threshold: score from which a sample is called fake. Never choose it on the data that is evaluated.
        timelines: whether to keep the scores of single frames, which grows the table by one number a frame.
        prefix: put before the names, for a config with two such metrics.
    """

    default_prefix = ""

    def __init__(
        self, *, threshold: float = DEFAULT_THRESHOLD, timelines: bool = False, prefix: str | None = None
    ) -> None:
        super().__init__(prefix=prefix)
        self.threshold = threshold
        self.timelines = timelines
        self.table: pa.Table | None = None
        self.summary: dict[str, Any] | None = None

    @property
    def schema(self) -> pa.Schema:
        """Columns of ``table``."""
        return SCHEMA.append(TIMELINE) if self.timelines else SCHEMA

    def process(self, data_batch: Any, data_samples: Sequence[ForgerySample]) -> None:
        """Keep one row a sample. A sample without a finite logit gets a status that says so, never a score."""
        rows = [_row(sample, frames=self.timelines) for sample in data_samples]
        self.results.append(pa.RecordBatch.from_pylist(rows, schema=self.schema))

    def evaluate(self, size: int) -> dict[str, float]:
        """Figures over the rows of all ranks; ``size`` is the number of samples in the dataset.

        Raises:
            ZooError: on every rank, when the rows cannot be evaluated on rank 0.
        """
        mine = pa.Table.from_batches(self.results, self.schema)
        self.results.clear()
        parts = all_gather_object(mine)
        outcome: list[Any] = [None]
        if is_main_process():
            try:
                outcome = [self._compute(pa.concat_tables(parts), size)]
            except Exception as error:  # the other ranks wait for an outcome, so they are given this one
                outcome = [error]
        broadcast_object_list(outcome)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def compute_metrics(self, results: list[pa.RecordBatch]) -> dict[str, float]:
        """Figures of the rows in ``results``, on this rank alone."""
        self.table = in_order(pa.Table.from_batches(results, self.schema))
        self.summary = summarize(self.table, threshold=self.threshold)
        return scalars_of(self.summary)

    def _compute(self, table: pa.Table, size: int) -> dict[str, float]:
        figures = self.compute_metrics(table.to_batches())
        if self.table is not None and len(self.table) != size:
            print_log(
                f"Evaluated {len(self.table)} different samples of a dataset of {size}.", "current", logging.WARNING
            )
        return {f"{self.prefix}/{name}" if self.prefix else name: value for name, value in figures.items()}


def _row(sample: ForgerySample, *, frames: bool) -> dict[str, Any]:
    status, logit = sample.status, sample.fake_logit
    if status == "ok" and logit is None:
        status = "no_prediction"
    elif status == "ok" and logit is not None and not math.isfinite(logit):
        status = "non_finite_logit"
    row = {
        "sample_id": sample.sample_id,
        "video_id": sample.video_id,
        "corpus": sample.corpus,
        "method": sample.method,
        "label": sample.label,
        "score": expit(np.float64(logit)) if status == "ok" else None,
        "start_s": sample.start_s,
        "end_s": sample.end_s,
        "status": status,
    }
    if frames:
        logits = sample.frame_logits
        row["timeline"] = None if logits is None or status != "ok" else expit(np.asarray(logits, dtype=np.float64))
    return row
