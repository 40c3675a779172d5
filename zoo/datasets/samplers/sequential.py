"""Every sample exactly once, in the dataset's order: evaluation."""

from __future__ import annotations

import numpy as np

from zoo.datasets.samplers.base import RankedSampler


class SequentialSampler(RankedSampler):
    """Each sample on exactly one rank, none repeated.

    Ranks may get one sample more or fewer than others, so a model must not wait for other ranks in ``predict``.
    """

    @property
    def total(self) -> int:
        return len(self.dataset)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        return positions
