"""Isotonic regression: any rising function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.ensembles.calibrators.base import Calibrator


class IsotonicCalibrator(Calibrator):
    """The rising step function of least squared error, joined by lines; constant beyond the scores fitted to.

    It may take any form, which takes hundreds of videos, and it levels scores: different ones become equal, which moves
    the AUC a little. Probabilities are kept 1 / (n + 2) away from 0 and 1, ``n`` being the videos fitted to, because
    that none of ``n`` was fake does not make the next one surely real.

    Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, 2002.
    """

    def __init__(self) -> None:
        self.scores = np.zeros(0)
        self.probabilities = np.zeros(0)

    @property
    def fitted(self) -> bool:
        """Whether there is a function."""
        return len(self.scores) > 0

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Pool what violates the order."""
        from sklearn.isotonic import IsotonicRegression

        edge = 1 / (len(labels) + 2)
        model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(scores, labels)
        self.scores, self.probabilities = model.X_thresholds_, model.y_thresholds_

    def map(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] to [n]."""
        return np.interp(scores, self.scores, self.probabilities)

    def state(self) -> dict[str, Any]:
        """The corners of the function."""
        return {"scores": self.scores.tolist(), "probabilities": self.probabilities.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        self.scores = np.array(state["scores"], np.float64)
        self.probabilities = np.array(state["probabilities"], np.float64)
