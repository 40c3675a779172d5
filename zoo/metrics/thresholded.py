"""Figures at a threshold: a sample is called fake when its score is at least the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.metrics.ranking import checked_pair
from zoo.structures import LABEL_NAMES

DEFAULT_THRESHOLD: Final = 0.5
"""The score at which a logit is zero. A threshold is never chosen on the data that is evaluated."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Precision, recall and F1 of one class, and its number (or share) of samples.

    Recall is NaN when the class is absent; precision and F1 are NaN when it is also never predicted. A class that is
    present and never predicted has precision 0.
    """

    precision: float
    recall: float
    f1: float
    support: float


def confusion_matrix(
    scores: ArrayLike, labels: ArrayLike, *, threshold: float = DEFAULT_THRESHOLD
) -> NDArray[np.int64]:
    """int64 [2, 2]: row = true label, column = predicted label, so ``[[tn, fp], [fn, tp]]`` with fake as positive.

    Raises:
        DataError: as `zoo.metrics.ranking.rank`.
    """
    values, truth = checked_pair(scores, labels)
    return np.bincount(2 * truth + (values >= threshold), minlength=4).reshape(2, 2)


def class_figures(matrix: NDArray) -> Mapping[str, ClassFigures]:
    """Figures of ``real`` and ``fake`` from a confusion matrix [2, 2] of counts or shares."""
    return {name: _figures_of(matrix, index) for index, name in enumerate(LABEL_NAMES)}


def accuracy(matrix: NDArray) -> float:
    """Share of right calls in a confusion matrix [2, 2]; NaN without samples."""
    return _ratio(np.trace(matrix).item(), matrix.sum().item())


def balanced_accuracy(matrix: NDArray) -> float:
    """Mean recall of both classes; NaN when a class is absent."""
    return float(np.mean([item.recall for item in class_figures(matrix).values()]))


def macro_f1(matrix: NDArray) -> float:
    """Mean F1 of both classes; NaN when a class is absent."""
    figures = class_figures(matrix).values()
    return float(np.mean([item.f1 for item in figures])) if all(item.support for item in figures) else float("nan")


def log_loss(scores: ArrayLike, labels: ArrayLike) -> float:
    """Mean binary cross-entropy in nats; scores are kept one float64 epsilon away from 0 and 1. NaN without samples."""
    values, truth = checked_pair(scores, labels)
    if not len(values):
        return float("nan")
    epsilon = np.finfo(np.float64).eps
    right = np.where(truth == 1, values, 1.0 - values)
    return float(-np.mean(np.log(np.clip(right, epsilon, 1.0 - epsilon))))


def _figures_of(matrix: NDArray, index: int) -> ClassFigures:
    hits, support, predicted = (x.item() for x in (matrix[index, index], matrix[index].sum(), matrix[:, index].sum()))
    precision = 0.0 if support and not predicted else _ratio(hits, predicted)
    return ClassFigures(precision, _ratio(hits, support), _ratio(2 * hits, support + predicted), support)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
