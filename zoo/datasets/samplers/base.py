"""What all samplers share: one global order, dealt out to the ranks, that any position can be resumed from."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Final

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

_CHUNK: Final = 1 << 14


class RankedSampler(Sampler[int]):
    """Rank ``r`` of ``w`` takes positions ``r``, ``r + w``, ... of an order that all ranks agree on.

    The order is a function of (seed, epoch, position) alone and is computed in chunks: it takes no memory, and skipping
    to any place in an epoch gives what an uninterrupted one gives there.

    Args:
        dataset: what is sampled; its ``set_epoch(epoch, seed=...)`` is called along if it has one.
        seed: of the order and, through the dataset, of augmentation; None means 0.
        rank: this process; asked of the launcher by default.
        world_size: the number of processes; asked of the launcher by default.
    """

    def __init__(
        self, dataset: Sized, *, seed: int | None = None, rank: int | None = None, world_size: int | None = None
    ):
        here, all_ranks = get_dist_info()
        self.dataset = dataset
        self.seed = seed or 0
        self.rank = here if rank is None else rank
        self.world_size = all_ranks if world_size is None else world_size
        self.set_epoch(0)

    @property
    def total(self) -> int:
        """Length of the global order: the samples of all ranks in one epoch."""
        raise NotImplementedError

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """The samples at ``positions`` (int64, below ``total``) of this epoch's order."""
        raise NotImplementedError

    def set_epoch(self, epoch: int) -> None:
        """Take the order of ``epoch``, from 0."""
        self.epoch = epoch
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch, seed=self.seed)

    def __len__(self) -> int:
        """Samples of this rank in a whole epoch."""
        return len(range(self.rank, self.total, self.world_size))

    def __iter__(self) -> Iterator[int]:
        for start in range(0, len(self), _CHUNK):
            mine = np.arange(start, min(start + _CHUNK, len(self)), dtype=np.int64)
            yield from self.rows(mine * self.world_size + self.rank).tolist()
