"""Scores and labels of videos that ensembles' parts are checked on; the same for everyone."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

VIDEOS: Final = 240
MEMBERS: Final = 3


def scores_and_labels(*, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``scores`` [VIDEOS, MEMBERS] in [0, 1] and ``labels`` [VIDEOS], half of them 1 = fake.

    Fakes score higher as a rule, a fifth of the scores is NaN, and the first three rows have none at all.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(VIDEOS) % 2)
    logits = random.normal(size=(VIDEOS, MEMBERS)) + 2 * (labels[:, None] - 0.5)
    scores = np.where(random.random(logits.shape) < 0.2, np.nan, 1 / (1 + np.exp(-logits)))
    scores[:3] = np.nan
    return scores, labels
