"""Each cell in proportion to its size."""

from __future__ import annotations

import numpy as np

from zoo.datasets.cells import Cells
from zoo.datasets.mixers.base import Mixer


class ProportionalMixer(Mixer):
    """Draws every sample equally often: in an epoch as long as the dataset, each once."""

    def shares(self, cells: Cells) -> np.ndarray:
        return cells.sizes.astype(np.float64)
