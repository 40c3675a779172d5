"""Between the cells' own proportions and equal shares."""

from __future__ import annotations

import numpy as np

from zoo.datasets.cells import Cells
from zoo.datasets.mixers.base import Mixer
from zoo.errors import ConfigError


class TemperatureMixer(Mixer):
    """Gives a cell of ``n`` samples a share that goes as ``n ** (1 / temperature)``.

    As for the languages of multilingual BERT (Devlin et al., 2019) and of Arivazhagan et al., "Massively multilingual
    neural machine translation in the wild", 2019.

    Args:
        temperature: 1 keeps the cells' proportions, infinity makes all cells equal.

    Raises:
        ConfigError: a temperature below 1.
    """

    def __init__(self, *, temperature: float):
        if not temperature >= 1:
            raise ConfigError(f"temperature must be at least 1, not {temperature}.", where="TemperatureMixer")
        self.temperature = temperature

    def shares(self, cells: Cells) -> np.ndarray:
        return cells.sizes.astype(np.float64) ** (1 / self.temperature)
