"""What all mixers share: shares of an epoch become whole numbers of draws."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from zoo.datasets.cells import Cells
from zoo.errors import ConfigError


class Mixer(ABC):
    """Decides how often each cell of a dataset is drawn in an epoch."""

    @abstractmethod
    def shares(self, cells: Cells) -> np.ndarray:
        """Of each cell, in proportion to one another: float64 [k], none negative, not all 0."""

    def draws(self, cells: Cells, epoch_length: int) -> np.ndarray:
        """Draws of each cell in an epoch: int64 [k], in all exactly ``epoch_length``.

        Each is its share rounded down or up; what rounding down leaves goes to the largest remainders, and among equal
        ones to the first cells.

        Raises:
            ConfigError: no cells, or shares that do not fit them.
        """
        if not len(cells):
            raise ConfigError("There is nothing to mix: the dataset has no samples.", where=type(self).__name__)
        shares = self.shares(cells)
        exact = shares / shares.sum() * epoch_length
        draws = np.floor(exact).astype(np.int64)
        left = epoch_length - int(draws.sum())
        draws[np.argsort(draws - exact, kind="stable")[:left]] += 1
        return draws
