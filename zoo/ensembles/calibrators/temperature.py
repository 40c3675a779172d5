"""Temperature scaling: logits divided by one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from zoo.ensembles.calibrators.base import Calibrator, softened
from zoo.ensembles.combiners.logit import clipped_logits

_LIMIT: Final = 100.0


class TemperatureCalibrator(Calibrator):
    """sigmoid(logit(score) / T), T in [0.01, 100] chosen by least log loss; 0.5 stays 0.5 and the order stays too.

    Logits are taken of scores that are kept 1e-6 away from 0 and 1. It makes scores more or less sure; a shift, such
    as fakes being rarer than when a member was trained, it cannot undo. A class of n videos is fitted to as Platt does
    it, as if one more of the other class were among n + 2, so that no order without faults, however few show it, makes
    scores certain.

    Guo et al., On calibration of modern neural networks, 2017; Platt, Probabilistic outputs for support vector
    machines, 1999.
    """

    def __init__(self) -> None:
        self.temperature: float | None = None

    @property
    def fitted(self) -> bool:
        """Whether there is a temperature."""
        return self.temperature is not None

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Find the temperature; the log loss is convex in its inverse."""
        from scipy.optimize import minimize_scalar

        logits, targets = clipped_logits(scores), softened(labels)

        def loss(log_temperature: float) -> float:
            scaled = logits * math.exp(-log_temperature)
            return float(np.mean(np.logaddexp(0.0, scaled) - targets * scaled))

        edge = math.log(_LIMIT)
        found = minimize_scalar(loss, bounds=(-edge, edge), method="bounded", options={"xatol": 1e-4})
        self.temperature = math.exp(float(found.x))

    def map(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] to [n]."""
        assert self.temperature is not None
        return expit(clipped_logits(scores) / self.temperature)

    def state(self) -> dict[str, Any]:
        """The temperature."""
        return {"temperature": self.temperature}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        self.temperature = state["temperature"]
