"""Real, fake or no decision, with a stated chance of error: split-conformal prediction by class.

A video is called fake when its score is so high that it would be strange for a real one, and real when it is so low
that it would be strange for a fake one; else nothing is decided. "Strange" is measured by the ranks of scores of
videos that nothing else was fitted to.

What holds: among real videos at most a share ``error`` is called fake, and among fake ones at most that share is
called real, on average over drawings of the videos that were fitted to, whatever the scores are worth. What it takes:
new videos of a class and those of that class that were fitted to are exchangeable. What does not follow: the share of
errors among the videos that are decided, or in a corpus, a method or a pattern of members taken alone.

Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005, on label-conditional predictors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from zoo.ensembles.checks import checked_labels, checked_scores
from zoo.errors import ConfigError, DataError
from zoo.metrics.table import DECISIONS


class ConformalAbstention:
    """Decide where the chance of error is at most ``error`` in each class.

    Args:
        error: the share of reals called fake, and of fakes called real, that is tolerated; in (0, 1).
        parts: an ensemble whose combiner learns keeps one of so many equal parts of its videos for this alone.

    Attributes:
        lower: a score below it is too low for a fake; None before `fit`.
        upper: a score above it is too high for a real; None before `fit`.
    """

    def __init__(self, *, error: float = 0.05, parts: int = 3) -> None:
        if not 0 < error < 1:
            raise ConfigError(f"error is {error}, not between 0 and 1.", where="ConformalAbstention")
        if parts < 2:
            raise ConfigError(f"parts is {parts}, less than 2.", where="ConformalAbstention")
        self.error = error
        self.parts = parts
        self.lower: float | None = None
        self.upper: float | None = None

    @property
    def least(self) -> int:
        """Videos of each class without which nothing could ever be decided."""
        return math.ceil(1 / self.error - 1e-9) - 1

    def fit(self, scores: ArrayLike, labels: ArrayLike) -> None:
        """Take the thresholds from videos that no part of the model has learnt from; NaN scores are left out.

        Args:
            scores: [n] in [0, 1] or NaN.
            labels: [n], 0 = real, 1 = fake.

        Raises:
            DataError: fewer than ``least`` videos of a class, or scores outside [0, 1].
        """
        values = checked_scores(np.asarray(scores, np.float64)[:, None])[:, 0]
        has = ~np.isnan(values)
        truth = checked_labels(np.asarray(labels)[has], int(has.sum()), least=self.least)
        fakes, reals = np.sort(values[has][truth == 1]), np.sort(values[has][truth == 0])
        self.lower = float(fakes[self._rank(len(fakes)) - 1])
        self.upper = float(reals[len(reals) - self._rank(len(reals))])

    def __call__(self, scores: ArrayLike) -> pa.Array:
        """String [n]: ``real``, ``fake`` or ``abstain`` for each score in [0, 1], null where it is NaN.

        Raises:
            DataError: not fitted.
        """
        if self.lower is None or self.upper is None:
            raise DataError("ConformalAbstention is not fitted.", next_step="Fit it to validation data first.")
        values = np.asarray(scores, dtype=np.float64)
        maybe_fake, maybe_real = values >= self.lower, values <= self.upper
        index = np.select([maybe_real & ~maybe_fake, maybe_fake & ~maybe_real], [0, 1], 2)  # both or neither: abstain
        return pa.array(DECISIONS).take(pa.array(index, mask=np.isnan(values)))

    def state(self) -> dict[str, Any]:
        """All that `load_state` needs, as plain values."""
        return {"error": self.error, "parts": self.parts, "lower": self.lower, "upper": self.upper}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        self.error, self.parts = state["error"], state["parts"]
        self.lower, self.upper = state["lower"], state["upper"]

    def _rank(self, count: int) -> int:
        """How many of ``count`` + 1 exchangeable scores may be called strange."""
        return math.floor(self.error * (count + 1) + 1e-9)
