"""What all samplers share: one global order, dealt out to the ranks, that any position can be resumed from."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler


class RankedSampler(Sampler[int]):
    """Rank ``r`` of ``w`` takes positions ``r``, ``r + w``, ... of an order that all ranks agree on.

    The order is a function of (seed, epoch, position) alone and is computed in stretches: it is never held as a whole,
    and skipping to any place in an epoch gives what an uninterrupted one gives there.

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

    def stretch(self, position: int) -> tuple[int, np.ndarray]:
        """The part of this epoch's order that holds ``position``: where it begins, and its samples (int64)."""
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
        for mine in self.chunks():
            yield from mine.tolist()

    def chunks(self, first: int = 0) -> Iterator[np.ndarray]:
        """This rank's samples from its ``first`` one on, as arrays (int64) one after another."""
        position = first * self.world_size + self.rank
        while position < self.total:
            start, samples = self.stretch(position)
            mine = samples[position - start :: self.world_size]
            yield mine
            position += len(mine) * self.world_size
