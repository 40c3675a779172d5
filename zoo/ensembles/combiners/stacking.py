"""Logistic stacking: a regression from the members' logits to the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from zoo.ensembles.combiners.base import Combiner
from zoo.ensembles.combiners.logit import clipped_logits
from zoo.ensembles.combiners.moments import Moments
from zoo.ensembles.folds import fold_of
from zoo.errors import ConfigError
from zoo.metrics.thresholded import log_loss


class StackingCombiner(Combiner):
    """Logistic regression on the members' logits, its penalty chosen by cross-validation.

    The logits (scores kept 1e-6 away from 0 and 1) are brought to mean 0 and standard deviation 1. A logit that lacks
    is replaced by the one that is expected of the logits that there are, by the members' means and correlations over
    the videos fitted to: where members agree, the others so take over the weight of one that lacks, for any pattern of
    members, also one that did not occur. That a member lacks is in itself no evidence: whether a video has sound tells
    more of a corpus than of a forgery.

    Of ``penalties`` that one is taken which has the least log loss in cross-validation, of those within a thousandth
    of a nat of it the strongest. Folds are stratified by class and divide no group.

    Args:
        penalties: inverse strengths of the L2 penalty (scikit-learn's C), all above 0.

    Attributes:
        penalty: the one that was chosen.
        coefficients: [m], of the standardised logits.
        intercept: of their sum.
        log_losses: of each penalty, out of fold, in nats.

    Wolpert, Stacked generalization, 1992.
    """

    learns = True

    def __init__(self, *, penalties: Sequence[float] = (0.001, 0.01, 0.1, 1.0, 10.0)) -> None:
        if not penalties or min(penalties) <= 0:
            raise ConfigError(f"penalties are {list(penalties)}, not numbers above 0.", where="StackingCombiner")
        self.penalties = tuple(float(penalty) for penalty in sorted(penalties))
        self.penalty: float | None = None
        self.coefficients = np.zeros(0)
        self.intercept = 0.0
        self.log_losses: list[float] = []
        self.moments: Moments | None = None

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, m] to [n]."""
        assert self.moments is not None
        return expit(self.moments.filled(clipped_logits(scores)) @ self.coefficients + self.intercept)

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray | None) -> None:
        """Choose the penalty out of fold, then fit to all."""
        logits = clipped_logits(scores)
        self.log_losses = self._cross_validate(logits, labels, groups)
        good = np.array(self.log_losses) <= min(self.log_losses) + 1e-3
        self.penalty = self.penalties[int(np.argmax(good))]
        self.moments = Moments.of(logits)
        model = _regression(self.moments.filled(logits), labels, self.penalty)
        self.coefficients, self.intercept = model.coef_[0], float(model.intercept_[0])

    def state(self) -> dict[str, Any]:
        """The regression, and the members' moments."""
        return {
            **super().state(),
            "penalties": list(self.penalties),
            "penalty": self.penalty,
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "log_losses": self.log_losses,
            "moments": None if self.moments is None else self.moments.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        super().load_state(state)
        self.penalties = tuple(state["penalties"])
        self.penalty, self.intercept, self.log_losses = state["penalty"], state["intercept"], list(state["log_losses"])
        self.coefficients = np.array(state["coefficients"], np.float64)
        self.moments = None if state["moments"] is None else Moments.from_state(state["moments"])

    def _cross_validate(self, logits: NDArray, labels: NDArray, groups: NDArray | None) -> list[float]:
        if len(self.penalties) == 1:
            return [0.0]
        fold = fold_of(labels, groups=groups)
        found = np.empty((len(self.penalties), len(labels)))
        for index in range(int(fold.max()) + 1):
            part = fold == index
            moments = Moments.of(logits[~part])
            rest, held_out = moments.filled(logits[~part]), moments.filled(logits[part])
            for row, penalty in enumerate(self.penalties):
                found[row, part] = _regression(rest, labels[~part], penalty).predict_proba(held_out)[:, 1]
        return [log_loss(scores, labels) for scores in found]


def _regression(features: NDArray, labels: NDArray, penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=100).fit(features, labels)
