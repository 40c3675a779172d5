"""How far scores are from probabilities: expected calibration error and Brier score."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from zoo.errors import ConfigError
from zoo.metrics.ranking import checked_pair

DEFAULT_BINS: Final = 15


def expected_calibration_error(scores: ArrayLike, labels: ArrayLike, *, bins: int = DEFAULT_BINS) -> float:
    """Mean distance between score and share of fakes, over ``bins`` equally wide bins of the score.

    Each bin ``[k / bins, (k + 1) / bins)``, the last one closed, weighs as many samples as it holds (Naeini et al.,
    2015, for the probability of the class "fake", not of the predicted class). The figure is biased upwards on few
    samples: compare only values of the same samples.

    Returns:
        In [0, 1], 0 for perfect calibration; NaN without samples.

    Raises:
        ConfigError: fewer than one bin.
        DataError: as `zoo.metrics.ranking.rank`.
    """
    if bins < 1:
        raise ConfigError(f"bins is {bins}, which is less than 1.")
    values, truth = checked_pair(scores, labels)
    if not len(values):
        return float("nan")
    index = np.minimum((values * bins).astype(np.int64), bins - 1)
    excess = np.bincount(index, weights=values - truth, minlength=bins)
    return float(np.abs(excess).sum() / len(values))


def brier(scores: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared distance between score and label, in [0, 1]; NaN without samples.

    Raises:
        DataError: as `zoo.metrics.ranking.rank`.
    """
    values, truth = checked_pair(scores, labels)
    return float(np.mean((values - truth) ** 2)) if len(values) else float("nan")
