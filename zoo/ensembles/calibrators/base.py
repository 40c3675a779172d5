"""What a calibrator is: scores to probabilities, never changing which of two videos looks more fake."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels
from zoo.errors import DataError


class Calibrator(ABC):
    """Base class. A calibrator is made without arguments, and is plain JSON in its state."""

    def fit(self, scores: ArrayLike, labels: ArrayLike) -> None:
        """Learn from videos with known labels; those whose score is NaN are left out.

        Args:
            scores: [n] in [0, 1] or NaN, made without knowledge of ``labels`` (validation data, or out of fold).
            labels: [n], 0 = real, 1 = fake.

        Raises:
            DataError: too few videos, one class only, or scores outside [0, 1].
        """
        values = _checked(scores)
        truth = np.asarray(labels)
        has = ~np.isnan(values)
        if truth.shape == values.shape:
            truth = truth[has]
        values = values[has]
        self.learn(values, checked_labels(truth, len(values)))

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The probability [n] that each video is fake, in [0, 1]; never falling in ``scores`` [n]; NaN stays NaN.

        Raises:
            DataError: not fitted, or scores outside [0, 1].
        """
        values = _checked(scores)
        if not self.fitted:
            raise DataError(f"{type(self).__name__} is not fitted.", next_step="Fit it to validation data first.")
        return np.where(np.isnan(values), np.nan, np.clip(self.map(values), 0.0, 1.0))

    @property
    @abstractmethod
    def fitted(self) -> bool:
        """Whether there is something to map with."""

    @abstractmethod
    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Fit to checked ``scores`` [n] without NaN and ``labels`` [n]."""

    @abstractmethod
    def map(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities [n] of checked ``scores`` [n]; what NaN becomes does not matter."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that `load_state` needs, as plain values that JSON holds."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""


def softened(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Targets [n] for ``labels`` [n] as Platt (1999) has them: (n_fake + 1) / (n_fake + 2) and 1 / (n_real + 2).

    Classes which are told apart without an error so still get finite numbers.
    """
    reals, fakes = np.bincount(labels, minlength=2)
    return np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))


def _checked(scores: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or np.any((values < 0) | (values > 1)):
        raise DataError("Scores to calibrate are an array [n] of numbers in [0, 1], or NaN.")
    return values
