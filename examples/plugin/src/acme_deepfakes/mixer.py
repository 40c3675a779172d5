"""In proportion to sizes, up to a limit."""

from __future__ import annotations

import numpy as np

from zoo.datasets.cells import Cells
from zoo.datasets.mixers.base import Mixer
from zoo.errors import ConfigError


class MethodCapMixer(Mixer):
    """Draws each cell (a method of a class in a corpus) in proportion to its size, which counts ``most`` at most.

    One method with a hundred times the videos of the others then no longer decides what a fake looks like, while
    small ones are not repeated beyond their own share, as equal shares would.

    Args:
        most: samples that a cell counts at most.

    Raises:
        ConfigError: ``most`` is below 1.
    """

    def __init__(self, *, most: int = 5_000):
        if most < 1:
            raise ConfigError(f"most must be at least 1, not {most}.", where="MethodCapMixer")
        self.most = most

    def shares(self, cells: Cells) -> np.ndarray:
        """See `Mixer.shares`."""
        return np.minimum(cells.sizes, self.most).astype(np.float64)
