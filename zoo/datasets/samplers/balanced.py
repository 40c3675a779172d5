"""As many real as fake samples, whatever the corpus holds."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from zoo.datasets.randomness import permuted
from zoo.datasets.samplers.base import RankedSampler
from zoo.errors import DataError

_DRAWS: Final = 1 << 12  # of each class, within which the classes are exactly as frequent


class LabelledDataset(Protocol):
    def __len__(self) -> int: ...

    def labels(self) -> np.ndarray: ...


class BalancedSampler(RankedSampler):
    """Draws every class equally often.

    A class is walked through in random order, and again in another order when it is used up: a small class is repeated
    evenly, and of a large one nothing is repeated before all was seen. Within a block of 4,096 draws a class the
    classes come in random order, so every rank sees all of them.

    Args:
        dataset: has ``labels()``, integers [n].
        num_samples: draws an epoch over all ranks; the dataset's length by default, made up to a multiple of the
            number of ranks.
        seed, rank, world_size: see ``RankedSampler``.

    Raises:
        DataError: fewer than two classes.
    """

    def __init__(
        self,
        dataset: LabelledDataset,
        *,
        num_samples: int | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        super().__init__(dataset, seed=seed, rank=rank, world_size=world_size)
        labels = np.asarray(dataset.labels())
        self.num_samples = len(labels) if num_samples is None else num_samples
        classes, counts = np.unique(labels, return_counts=True)
        if len(classes) < 2:
            raise DataError(
                f"A balanced sampler needs two classes; the data has {len(classes)}.",
                next_step="Check the split, or use EpochSampler.",
            )
        self._counts = counts
        self._offsets = np.cumsum(counts) - counts
        grouped = bool((np.diff(labels) >= 0).all())
        self._order = None if grouped else np.argsort(labels, kind="stable")

    @property
    def total(self) -> int:
        return -(-self.num_samples // self.world_size) * self.world_size

    def rows(self, positions: np.ndarray) -> np.ndarray:
        classes = len(self._counts)
        block_size = _DRAWS * classes
        rows = np.empty(len(positions), np.int64)
        for block in np.unique(positions // block_size).tolist():
            here = np.flatnonzero(positions // block_size == block)
            first = block * block_size
            size = min(block_size, self.total - first)
            places = permuted(positions[here] - first, size, key=(self.seed, self.epoch, 1, block))
            for index in range(classes):
                drawn = places % classes == index
                turns = block * _DRAWS + places[drawn] // classes
                rows[here[drawn]] = self._offsets[index] + self._walk(turns, index)
        return rows if self._order is None else self._order[rows]

    def _walk(self, turns: np.ndarray, index: int) -> np.ndarray:
        """Members of class ``index`` at its ``turns``-th draws of this epoch."""
        count = int(self._counts[index])
        members = np.empty(len(turns), np.int64)
        for lap in np.unique(turns // count).tolist():
            here = turns // count == lap
            members[here] = permuted(turns[here] % count, count, key=(self.seed, self.epoch, 2 + index, lap))
        return members
