"""Means and correlations of values of which some lack, and what they let one expect of those that do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zoo.ensembles.joining import pattern_index

_RIDGE: Final = 1e-3  # of each variance of 1: keeps equations solvable for members that are copies of each other


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
        """Standardised ``values`` [n, m]; what is NaN becomes what the row's others let expect (0 without any)."""
        standard = (values - self.means) / self.deviations
        present = ~np.isnan(standard)
        if present.all():
            return standard
        patterns = pattern_index(present)
        order = np.argsort(patterns.index, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(patterns.index, minlength=len(patterns.first)))[:-1])
        for first, rows in zip(patterns.first, parts, strict=True):
            has = present[first]
            if has.all():
                continue
            if not has.any():
                standard[rows] = 0.0
                continue
            among = self.correlations[np.ix_(has, has)]
            across = self.correlations[np.ix_(has, ~has)]
            standard[np.ix_(rows, ~has)] = standard[np.ix_(rows, has)] @ np.linalg.solve(among, across)
        return standard

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name).tolist() for name in ("means", "deviations", "correlations")}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Moments:
        """What `state` was taken of."""
        return cls(*(np.array(state[name], np.float64) for name in ("means", "deviations", "correlations")))
