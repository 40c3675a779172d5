"""Every sample once an epoch, in random order."""

from __future__ import annotations

from collections.abc import Sized
from typing import Final

import numpy as np

from zoo.datasets.randomness import Permutation
from zoo.datasets.samplers.base import RankedSampler

_STRETCH: Final = 1 << 14


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

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        self._order: Permutation | None = None

    def stretch(self, position: int) -> tuple[int, np.ndarray]:
        start = position // _STRETCH * _STRETCH
        samples = np.arange(start, min(start + _STRETCH, self.total), dtype=np.int64) % len(self.dataset)
        if not self.shuffle:
            return start, samples
        if self._order is None:
            self._order = Permutation(len(self.dataset), key=(self.seed, self.epoch))
        return start, self._order(samples)
