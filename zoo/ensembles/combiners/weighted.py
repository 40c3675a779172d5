"""A weighted mean of the members' scores, weights given or fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from zoo.ensembles.combiners.base import Combiner
from zoo.ensembles.combiners.mean import mean_of_present
from zoo.errors import ConfigError

_EPSILON: Final = 1e-6
_WIDEST: Final = 12.0  # weights differ by at most e^24


class WeightedMeanCombiner(Combiner):
    """The weighted mean of the scores that there are; weights are not negative and sum to 1.

    Where members lack, the weights of the others are scaled to sum to 1 again; if these are all 0, they count alike.

    Weights that are not given are fitted by minimising the log loss, which is smooth, has one minimum where no score
    lacks, and rewards good probabilities; the AUC has steps, and no opinion on how sure a member may be. So members
    that are badly calibrated get little weight even if they rank well: `StackingCombiner` mends that.

    Args:
        weights: [m], of any positive sum, or None to fit them.

    Raises:
        ConfigError: a weight is negative or not finite, or all are 0.
    """

    def __init__(self, *, weights: Sequence[float] | None = None) -> None:
        self.learns = weights is None
        self.weights = None if weights is None else _normalised(weights)
        self.columns = None if self.weights is None else len(self.weights)

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, m] to [n]."""
        assert self.weights is not None
        return mean_of_present(scores, self.weights)

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray | None) -> None:
        """Find the weights of least log loss; ``groups`` have no influence."""
        from scipy.optimize import minimize

        present = ~np.isnan(scores)
        right = np.where(labels[:, None] == 1, scores, 1 - scores)  # the probability of what is true
        right = np.where(present, np.clip(right, _EPSILON, 1 - _EPSILON), 0.0)
        weighed = present.astype(np.float64)

        def loss(free: NDArray) -> tuple[float, NDArray]:
            weights = softmax(free)
            hit, total = right @ weights, weighed @ weights
            slope = (weighed.T @ (1 / total) - right.T @ (1 / hit)) / len(labels)  # by weight
            return float(np.mean(np.log(total) - np.log(hit))), weights * (slope - weights @ slope)

        bounds = [(-_WIDEST, _WIDEST)] * scores.shape[1]
        found = minimize(loss, np.zeros(scores.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
        self.weights = softmax(found.x)

    def state(self) -> dict[str, Any]:
        """The weights, and whether they were fitted."""
        weights = None if self.weights is None else self.weights.tolist()
        return {**super().state(), "learns": self.learns, "weights": weights}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        super().load_state(state)
        self.learns = state["learns"]
        self.weights = None if state["weights"] is None else np.array(state["weights"], np.float64)


def _normalised(weights: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(weights, np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)) or np.any(values < 0) or values.sum() <= 0:
        raise ConfigError(
            f"Weights are {list(weights)}.", next_step="Give one number a member, none negative and not all 0."
        )
    return values / values.sum()
