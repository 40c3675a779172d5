"""Figures that need no threshold, all from one sort: AUC, average precision, equal error rate and their curves.

A score in [0, 1] is a non-negative double, and the bits of such doubles, read as integers, order as the numbers do. One
integer therefore holds a score and its label, and one sort of plain integers serves every figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import DataError

PARTIAL_FPR: Final = 0.1
"""Highest false positive rate of the partial AUC."""
LOW_FPRS: Final = {"tpr_at_fpr_1pct": 0.01, "tpr_at_fpr_0_1pct": 0.001}
"""Figures that are a true positive rate at a false positive rate, and that rate."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Counts at each of the ``k`` distinct scores, from the highest score down.

    Attributes:
        thresholds: float64 [k], strictly falling; a sample is called fake when its score is at least the threshold.
        true_positives: int64 [k], fakes called fake.
        false_positives: int64 [k], reals called fake.
    """

    thresholds: NDArray[np.float64]
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @property
    def positives(self) -> int:
        return int(self.true_positives[-1]) if len(self.thresholds) else 0

    @property
    def negatives(self) -> int:
        return int(self.false_positives[-1]) if len(self.thresholds) else 0

    @property
    def one_class(self) -> bool:
        """Whether reals or fakes are absent, which leaves all figures of a ranking undefined (NaN)."""
        return self.positives == 0 or self.negatives == 0

    def auc(self) -> float:
        """Area under the ROC curve: the chance that a fake outscores a real, ties counting half. Exact integers."""
        if self.one_class:
            return float("nan")
        real_here = np.diff(self.false_positives, prepend=0)
        fake_here = np.diff(self.true_positives, prepend=0)
        reals_below = self.negatives - self.false_positives
        wins_twice = int(np.sum(fake_here * (2 * reals_below + real_here)))
        return wins_twice / (2 * self.positives * self.negatives)

    def average_precision(self) -> float:
        """Sum over thresholds of precision x gain in recall, without interpolation (scikit-learn's definition)."""
        if self.one_class:
            return float("nan")
        precision = self.true_positives / (self.true_positives + self.false_positives)
        gain = np.diff(self.true_positives, prepend=0)
        return float(np.sum(precision * gain) / self.positives)

    def eer(self) -> float:
        """Equal error rate: where the ROC curve, its points joined by lines, meets FPR = 1 - TPR."""
        if self.one_class:
            return float("nan")
        fpr, tpr, _ = self.roc()
        excess = fpr + tpr - 1.0
        after = int(np.argmax(excess >= 0))
        share = -excess[after - 1] / (excess[after] - excess[after - 1])
        return float(fpr[after - 1] + share * (fpr[after] - fpr[after - 1]))

    def partial_auc(self, max_fpr: float = PARTIAL_FPR) -> float:
        """Area under the ROC curve up to ``max_fpr``, standardised so that chance is 0.5 and perfection 1.

        The standardisation is McClish's (1989), as in scikit-learn's ``roc_auc_score(max_fpr=...)``: the area minus
        that of chance, over the largest such difference. Points of the curve are joined by lines.
        """
        if self.one_class:
            return float("nan")
        fpr, tpr, _ = self.roc()
        stop = int(np.searchsorted(fpr, max_fpr, side="right"))
        x = np.append(fpr[:stop], max_fpr)
        y = np.append(tpr[:stop], np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1]))
        area = float(np.sum(np.diff(x) * (y[1:] + y[:-1])) / 2)
        chance = max_fpr**2 / 2
        return 0.5 * (1.0 + (area - chance) / (max_fpr - chance))

    def tpr_at_fpr(self, max_fpr: float) -> float:
        """The highest true positive rate at a threshold whose false positive rate is at most ``max_fpr``.

        Nothing is interpolated: with fewer than ``1 / max_fpr`` reals, it is the rate at which no real is called fake.
        """
        if self.one_class:
            return float("nan")
        fpr, tpr, _ = self.roc()
        return float(tpr[np.searchsorted(fpr, max_fpr, side="right") - 1])

    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """``fpr``, ``tpr`` and ``thresholds``, each [k + 1]; the first point is (0, 0) at an infinite threshold."""
        fpr = np.concatenate([[0], self.false_positives]) / (self.negatives or np.nan)
        tpr = np.concatenate([[0], self.true_positives]) / (self.positives or np.nan)
        return fpr, tpr, np.concatenate([[np.inf], self.thresholds])

    def precision_recall(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """``precision``, ``recall`` and ``thresholds``, each [k], recall rising."""
        precision = self.true_positives / (self.true_positives + self.false_positives)
        return precision, self.true_positives / (self.positives or np.nan), self.thresholds


def rank(scores: ArrayLike, labels: ArrayLike) -> Ranking:
    """Sort once, count at every distinct score.

    Args:
        scores: [n] in [0, 1], 1 = surely fake.
        labels: [n], 0 = real, 1 = fake.

    Raises:
        DataError: lengths differ, a score is not in [0, 1] or not finite, or a label is neither 0 nor 1.
    """
    checked, truth = checked_pair(scores, labels)
    keys = (checked.view(np.uint64) << np.uint64(1)) | truth.astype(np.uint64)
    keys = np.sort(keys)[::-1]
    bits, fake = keys >> np.uint64(1), (keys & np.uint64(1)).astype(np.int64)
    last = np.flatnonzero(np.diff(bits, append=~bits[-1:]))  # the last sample of each distinct score
    true_positives = np.cumsum(fake)[last]
    return Ranking(bits[last].view(np.float64), true_positives, last + 1 - true_positives)


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve in [0, 1]; NaN when a class is absent. Arguments and errors as `rank`."""
    return rank(scores, labels).auc()


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Average precision in [0, 1]; NaN when a class is absent. Arguments and errors as `rank`."""
    return rank(scores, labels).average_precision()


def eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate in [0, 1]; NaN when a class is absent. Arguments and errors as `rank`."""
    return rank(scores, labels).eer()


def checked_pair(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``scores`` as float64 [n] without a negative zero and ``labels`` as int64 [n].

    Raises:
        DataError: as `rank`.
    """
    values = np.ascontiguousarray(scores, dtype=np.float64) + 0.0  # turns -0.0 into 0.0
    truth = np.asarray(labels)
    if values.ndim != 1 or values.shape != truth.shape:
        raise DataError(f"Scores {values.shape} and labels {truth.shape} must be two arrays [n] of one length.")
    if not np.all((values >= 0) & (values <= 1)):
        bad = values[~((values >= 0) & (values <= 1))][0]
        raise DataError(f"A score is {bad}, not in [0, 1].", next_step="Pass sigmoid(fake_logit).")
    if not np.all((truth == 0) | (truth == 1)):
        bad = truth[~((truth == 0) | (truth == 1))][0]
        raise DataError(f"A label is {bad}, neither 0 (real) nor 1 (fake).")
    return values, truth.astype(np.int64)
