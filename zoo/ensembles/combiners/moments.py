"""Means and correlations of values of which some lack, and what they let one expect of those that do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_RIDGE: Final = 1e-3  # of each variance of 1: keeps equations solvable for members that are copies of each other
_CELLS: Final = 2**22  # of the equations that are solved at a time


@dataclass(frozen=True, slots=True)
class Moments:
    """Of ``m`` columns: ``means`` [m], standard ``deviations`` [m], and ``correlations`` [m, m], positive definite."""

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    correlations: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """The moments of ``values`` [n, m] where they are not NaN.

        Columns that never vary get deviation 1. A correlation is taken over the rows that hold both columns, shrunk
        towards 0 as if one more such row had none, and is 0 for columns that never meet.
        """
        present = ~np.isnan(values)
        counts = present.sum(axis=0)
        filled = np.where(present, values, 0.0)
        means = filled.sum(axis=0) / np.maximum(counts, 1)
        filled = np.where(present, values - means, 0.0)
        deviations = np.sqrt((filled**2).sum(axis=0) / np.maximum(counts, 1))
        deviations = np.where(deviations > 1e-9, deviations, 1.0)
        filled /= deviations
        weighed = present.astype(np.float64)
        correlations = (filled.T @ filled) / (weighed.T @ weighed + 1.0)
        np.fill_diagonal(correlations, 1.0)
        sizes, axes = np.linalg.eigh(correlations)  # rows that differ from pair to pair may leave it indefinite
        correlations = (axes * np.maximum(sizes, _RIDGE)) @ axes.T
        scale = np.sqrt(np.diag(correlations))
        return cls(means, deviations, correlations / np.outer(scale, scale))

    def filled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised ``values`` [n, m]; what is NaN becomes what the row's others let expect (0 without any).

        With the inverse P of the correlations, what lacks (M) is expected at -P[M, M]^-1 P[M, H] of what is there (H).
        """
        standard = (values - self.means) / self.deviations
        absent = np.isnan(standard)
        lacking = absent.sum(axis=1)
        if not lacking.any():
            return standard
        standard[absent] = 0.0
        precision = np.linalg.inv(self.correlations)
        for count in np.unique(lacking[lacking > 0]):
            found = np.flatnonzero(lacking == count)
            for rows in np.array_split(found, 1 + len(found) * count**2 // _CELLS):
                gone = np.nonzero(absent[rows])[1].reshape(-1, count)  # [rows, count]: the columns that lack
                among = precision[gone[:, :, None], gone[:, None, :]]
                across = (standard[rows] @ precision)[np.arange(len(rows))[:, None], gone]
                standard[rows[:, None], gone] = -np.linalg.solve(among, across[:, :, None])[:, :, 0]
        return standard

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name).tolist() for name in ("means", "deviations", "correlations")}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Moments:
        """What `state` was taken of."""
        return cls(*(np.array(state[name], np.float64) for name in ("means", "deviations", "correlations")))
