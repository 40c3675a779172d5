"""The mean of the members' scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.ensembles.combiners.base import Combiner


class MeanCombiner(Combiner):
    """The mean of the scores that there are. Nothing is fitted; members should be equally well calibrated."""

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, m] to [n]."""
        return mean_of_present(scores)


def mean_of_present(values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Mean [n] over the values of [n, m] that are not NaN, weighted by ``weights`` [m].

    Where all that is present weighs nothing, it is the plain mean. The sum runs over sorted terms where weights are
    equal, so that the order of members changes no bit of it.
    """
    present = ~np.isnan(values)
    if weights is None:
        return np.sort(np.where(present, values, 0.0), axis=1).sum(axis=1) / present.sum(axis=1)
    total = present @ weights
    light = total <= 0
    mean = np.where(present, values, 0.0) @ weights / np.where(light, 1.0, total)
    if light.any():
        mean[light] = mean_of_present(values[light])
    return mean
