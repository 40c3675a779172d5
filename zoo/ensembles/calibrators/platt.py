"""Platt scaling: logits stretched and shifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from zoo.ensembles.calibrators.base import Calibrator, softened
from zoo.ensembles.combiners.logit import clipped_logits


class PlattCalibrator(Calibrator):
    """sigmoid(slope x logit(score) + offset), slope 0 or more, chosen by least log loss.

    Logits are taken of scores that are kept 1e-6 away from 0 and 1. Labels are softened to (n_fake + 1) / (n_fake + 2)
    and 1 / (n_real + 2), so that classes which are told apart without an error still get finite numbers.

    Platt, Probabilistic outputs for support vector machines, 1999.
    """

    def __init__(self) -> None:
        self.slope: float | None = None
        self.offset = 0.0

    @property
    def fitted(self) -> bool:
        """Whether there is a slope."""
        return self.slope is not None

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Find slope and offset; the log loss is convex in both."""
        from scipy.optimize import minimize

        logits, targets = clipped_logits(scores), softened(labels)

        def loss(free: NDArray) -> tuple[float, NDArray]:
            values = free[0] * logits + free[1]
            excess = expit(values) - targets
            gradient = np.array([np.mean(excess * logits), np.mean(excess)])
            return float(np.mean(np.logaddexp(0.0, values) - targets * values)), gradient

        found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
        self.slope, self.offset = (float(value) for value in found.x)

    def map(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] to [n]."""
        assert self.slope is not None
        return expit(self.slope * clipped_logits(scores) + self.offset)

    def state(self) -> dict[str, Any]:
        """Slope and offset."""
        return {"slope": self.slope, "offset": self.offset}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        self.slope, self.offset = state["slope"], state["offset"]
