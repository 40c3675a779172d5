"""Shares that the config states."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np

from zoo.datasets.cells import CellName, Cells
from zoo.datasets.mixers.base import Mixer
from zoo.errors import ConfigError, did_you_mean


class WeightedMixer(Mixer):
    """Gives each named part of the data its weight, to be shared by the part's cells in proportion to their sizes.

    Args:
        weights: by ``corpus``, ``corpus/label`` or ``corpus/label/method``, such as ``{"ff++": 2,
            "dfdc/fake": 1, "dfdc/real": 1}``. A cell belongs to the longest of the names that fit it. Every cell needs
            a weight; 0 leaves a part out.

    Raises:
        ConfigError: a weight is negative or no number, or none is above 0.
    """

    def __init__(self, *, weights: Mapping[str, float]):
        for name, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not isfinite(weight) or weight < 0:
                raise ConfigError(
                    f"The weight of {name!r} must be a number from 0 on, not {weight!r}.", where="WeightedMixer.weights"
                )
        if not any(weights.values()):
            raise ConfigError("At least one weight must be above 0.", where="WeightedMixer.weights")
        self.weights = dict(weights)

    def shares(self, cells: Cells) -> np.ndarray:
        """See `Mixer.shares`.

        Raises:
            ConfigError: names that fit nothing in the data, or cells without a weight; all of them are listed.
        """
        owners = [self._owner(name) for name in cells.names]
        mistakes = list(self._strangers(cells, owners))
        mistakes += [f"{name} has no weight" for name, owner in zip(cells.names, owners, strict=True) if owner is None]
        if mistakes:
            told = f"The data has: {', '.join(map(str, cells.names))}"
            raise ConfigError.from_mistakes(mistakes, where="WeightedMixer.weights", next_step=told)
        names = list(self.weights)
        parts = np.array([names.index(owner) for owner in owners if owner is not None])
        totals = np.bincount(parts, cells.sizes, minlength=len(names))
        shares = np.array(list(self.weights.values()), np.float64)[parts] * cells.sizes / totals[parts]
        if not shares.any():
            raise ConfigError("All parts that have samples have weight 0.", where="WeightedMixer.weights")
        return shares

    def _owner(self, name: CellName) -> str | None:
        """The longest of the weights' names that fits a cell."""
        fitting = ("/".join(name[:length]) for length in range(len(name), 0, -1))
        return next((key for key in fitting if key in self.weights), None)

    def _strangers(self, cells: Cells, owners: list[str | None]) -> list[str]:
        """What is wrong with the weights that no cell belongs to."""
        known = {"/".join(name[:length]) for name in cells.names for length in range(1, len(name) + 1)}
        return [
            f"all of {key!r} is given weights by longer names"
            if key in known
            else f"the data has no {key!r}.{did_you_mean(key, known)}"
            for key in self.weights
            if key not in owners
        ]
