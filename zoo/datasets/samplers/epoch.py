"""Every sample once an epoch, in random order."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np

from zoo.datasets.randomness import permuted
from zoo.datasets.samplers.base import RankedSampler


class EpochSampler(RankedSampler):
    """Each sample once an epoch, in an order that depends on the seed and the epoch alone.

    All ranks get equally many samples: by default the order's first samples are repeated at its end where the number
    of ranks does not divide the dataset; with ``drop_last`` the rest is left out instead.

    Args:
        dataset: what is sampled.
        shuffle: False keeps the dataset's order.
        drop_last: leave out at most ``world_size - 1`` samples rather than repeat some.
        seed, rank, world_size: see ``RankedSampler``.
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        super().__init__(dataset, seed=seed, rank=rank, world_size=world_size)
        self.shuffle = shuffle
        self.drop_last = drop_last

    @property
    def total(self) -> int:
        size, ranks = len(self.dataset), self.world_size
        return size // ranks * ranks if self.drop_last else -(-size // ranks) * ranks

    def rows(self, positions: np.ndarray) -> np.ndarray:
        size = len(self.dataset)
        return permuted(positions % size, size, key=(self.seed, self.epoch)) if self.shuffle else positions % size
