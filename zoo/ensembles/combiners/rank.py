"""The mean of the members' ranks among validation videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.ensembles.combiners.base import Combiner
from zoo.ensembles.combiners.mean import mean_of_present
from zoo.errors import ConfigError


class RankMeanCombiner(Combiner):
    """The mean, over the members that have a score, of its rank among their scores of the videos fitted to.

    The rank of a score is the share of those below it plus half the share of those equal to it, so that one video can
    be ranked alone. It stays the same whatever strictly rising function a member's scores are sent through. A
    combined score is no probability: 0.5 is the middle of the videos fitted to, whatever share of them is fake.

    Args:
        points: how many scores of a member are kept at the most, evenly spread by rank; ranks are as fine as that.
    """

    learns = True

    def __init__(self, *, points: int = 10_000) -> None:
        if points < 2:
            raise ConfigError(f"points is {points}, less than 2.", where="RankMeanCombiner")
        self.points = points
        self.references: list[NDArray[np.float64]] = []

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, m] to [n]."""
        ranks = np.full(scores.shape, np.nan)
        for column, reference in enumerate(self.references):
            present = ~np.isnan(scores[:, column])
            values = scores[present, column]
            twice = np.searchsorted(reference, values) + np.searchsorted(reference, values, side="right")
            ranks[present, column] = twice / (2 * len(reference))
        return mean_of_present(ranks)

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray | None) -> None:
        """Keep the members' distributions; ``labels`` and ``groups`` have no influence."""
        self.references = []
        for column in scores.T:
            ordered = np.sort(column[~np.isnan(column)])
            count = min(len(ordered), self.points)
            self.references.append(ordered[((np.arange(count) + 0.5) * len(ordered) / count).astype(np.int64)])

    def state(self) -> dict[str, Any]:
        """The scores kept of each member, rising."""
        references = [reference.tolist() for reference in self.references]
        return {**super().state(), "points": self.points, "references": references}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        super().load_state(state)
        self.points = state["points"]
        self.references = [np.array(reference, np.float64) for reference in state["references"]]
