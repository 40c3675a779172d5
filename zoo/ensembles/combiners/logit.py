"""The mean of the members' logits."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from zoo.ensembles.combiners.base import Combiner
from zoo.ensembles.combiners.mean import mean_of_present

CLIP: Final = 1e-6
"""Scores are kept so far from 0 and 1 before their logits are taken, which are then within ±13.8."""


def clipped_logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits of scores in [0, 1], which are kept `CLIP` away from 0 and 1; NaN stays NaN."""
    return logit(np.clip(scores, CLIP, 1 - CLIP))


class LogitMeanCombiner(Combiner):
    """The mean of the logits that there are, as a score: one sure member outweighs several that waver.

    Scores are kept 1e-6 away from 0 and 1, so that no member alone decides.
    """

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, m] to [n]."""
        return expit(mean_of_present(clipped_logits(scores)))
