"""What counts when a detector is used: how much it finds at a rate of false alarms that one can bear."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.errors import ConfigError
from zoo.metrics.forgery import ForgeryMetric
from zoo.metrics.ranking import rank
from zoo.metrics.table import by_video, pair_of, scored
from zoo.structures import FAKE


class OperatingPoint(ForgeryMetric):
    """Figures of videos: ``tpr``, the share of fakes found at a false alarm rate, and ``worst_method_auc``.

    ``tpr`` is the largest true positive rate of the ROC curve at a false positive rate of at most ``max_fpr``.
    ``worst_method_auc`` is the smallest AUC of one method's fakes against all reals: a mean over methods hides that
    a detector is blind to one. A figure that the data leaves undefined is NaN.

    Args:
        max_fpr: false alarm rate, in (0, 1].
        prefix: put before the names.

    Raises:
        ConfigError: ``max_fpr`` is out of range.
    """

    def __init__(self, *, max_fpr: float = 0.05, prefix: str | None = "operating_point"):
        super().__init__(prefix=prefix)
        if not 0 < max_fpr <= 1:
            raise ConfigError(f"max_fpr must lie in (0, 1], not {max_fpr}.", where="OperatingPoint")
        self.max_fpr = max_fpr

    def compute_metrics(self, results: list[pa.RecordBatch]) -> dict[str, float]:
        super().compute_metrics(results)
        assert self.table is not None
        videos = by_video(scored(self.table))
        return {"tpr": tpr_at_fpr(*pair_of(videos), self.max_fpr), "worst_method_auc": worst_method_auc(videos)}


def tpr_at_fpr(scores: np.ndarray, labels: np.ndarray, max_fpr: float) -> float:
    """The largest true positive rate at a false positive rate of at most ``max_fpr``; NaN with one class alone.

    Args:
        scores: float64 [n].
        labels: int [n], 0 real, 1 fake.
        max_fpr: in (0, 1].
    """
    ranking = rank(scores, labels)
    if ranking.one_class:
        return math.nan
    fpr, tpr, _ = ranking.roc()
    return float(tpr[fpr <= max_fpr].max())


def worst_method_auc(videos: pa.Table) -> float:
    """The smallest AUC of any method's fakes against all reals of ``videos``; NaN where there is none."""
    fake = pc.equal(videos["label"], FAKE)
    reals = videos.filter(pc.invert(fake))
    methods = pc.unique(videos.filter(fake)["method"]).to_pylist()
    aucs = [_auc(reals, videos.filter(pc.and_(fake, pc.equal(videos["method"], method)))) for method in methods]
    return min((auc for auc in aucs if not math.isnan(auc)), default=math.nan)


def _auc(reals: pa.Table, fakes: pa.Table) -> float:
    return rank(*pair_of(pa.concat_tables([reals, fakes]))).auc()
