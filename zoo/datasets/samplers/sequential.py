"""Every sample exactly once, in the dataset's order: evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from torch.utils.data import Sampler


class SequentialSampler(Sampler[int]):
    """The whole dataset in its order, on every rank alike.

    It knows nothing of ranks, so the data loader deals out whole batches of it: each sample lies on one rank, in the
    very batch it would be in on a single rank, and its score is the same to the last bit. Ranks may get one batch more
    or fewer than others, so a model must not wait for other ranks in ``predict``.

    Args:
        dataset: what is sampled.
        seed: of no effect; all samplers are given one.
    """

    def __init__(self, dataset: Sized, *, seed: int | None = None):
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.dataset)))
