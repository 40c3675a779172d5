"""Corpora, classes and methods in stated proportions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np

from zoo.datasets.cells import Cells
from zoo.datasets.mixers.base import Mixer
from zoo.datasets.randomness import Laps, uniform
from zoo.datasets.samplers.base import RankedSampler
from zoo.errors import ConfigError
from zoo.registry import build

_DRAWS: Final = 1 << 13  # of each cell in a stretch, roughly
_SHORTEST: Final = 1 << 15
_LONGEST: Final = 1 << 19  # stretch
_ORDER, _TURN, _CELL, _PHASE = range(4)  # what a key is for


class CelledDataset(Protocol):
    def __len__(self) -> int: ...

    def cells(self) -> Cells: ...


class MixSampler(RankedSampler):
    """Draws each cell (corpus, label and method) exactly as often in an epoch as a mixer says.

    A cell is walked through in random order, and again in another order when it is used up: a small one is repeated
    evenly, and of a large one nothing is repeated before all was seen. An epoch is a row of stretches of 32,768 to
    524,288 draws (the more cells, the longer), in each of which every cell has its part of its draws, one more or less,
    in random order with the others'.

    Args:
        dataset: has ``cells()``.
        mixer: a `Mixer`, or its config.
        epoch_length: draws an epoch over all ranks, the dataset's length by default; made up to a multiple of the
            number of ranks.
        drop_last: rather cut it down to one.
        seed, rank, world_size: see ``RankedSampler``.

    Attributes:
        cells: the dataset's, that ``draws`` belong to.
        draws: of each cell in an epoch over all ranks, int64 [k].

    Raises:
        ConfigError: a dataset without cells, an epoch without draws, or a mixer that does not fit the cells.
        DataError: classes are to be balanced, and there is only one.
    """

    def __init__(
        self,
        dataset: CelledDataset,
        *,
        mixer: Mixer | Mapping[str, Any],
        epoch_length: int | None = None,
        drop_last: bool = False,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        if not hasattr(dataset, "cells"):
            raise ConfigError(
                f"{type(dataset).__name__} does not tell its samples apart by corpus, label and method.",
                where="MixSampler",
                next_step="Give the dataset a method cells(), or use EpochSampler.",
            )
        super().__init__(dataset, seed=seed, rank=rank, world_size=world_size)
        length = len(dataset) if epoch_length is None else epoch_length
        ranks = self.world_size
        self._total = length // ranks * ranks if drop_last else -(-length // ranks) * ranks
        if self._total < 1:
            raise ConfigError(
                f"An epoch of {length} samples gives {ranks} ranks nothing to draw.", where="MixSampler.epoch_length"
            )
        self.cells = dataset.cells()
        self.draws: np.ndarray = build("mixer", mixer).draws(self.cells, self._total)
        self._stretches = -(-self._total // min(max(_DRAWS * len(self.cells), _SHORTEST), _LONGEST))
        spread = uniform(np.arange(len(self.cells)), key=(self.seed, _PHASE)) * self._stretches
        self._phases = spread.astype(np.int64)  # so that not all cells have their odd draw in the same stretch
        longest = self._total // self._stretches + len(self.cells) + 1
        self._shuffled = np.random.default_rng([self.seed, _ORDER]).permutation(longest)

    @property
    def total(self) -> int:
        return self._total

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        self._laps: dict[int, Laps] = {}

    def stretch(self, position: int) -> tuple[int, np.ndarray]:
        number = self._stretch_at(position)
        firsts, ends = self._turns(number), self._turns(number + 1)
        parts = [
            self.cells.starts[cell] + self._walk(cell)(np.arange(firsts[cell], ends[cell]))
            for cell in np.flatnonzero(ends > firsts).tolist()
        ]
        samples = np.concatenate(parts)
        return int(firsts.sum()), samples.take(self._places(number, len(samples)))

    def draws_before(self, position: int) -> np.ndarray:
        """Draws of each cell at the positions that come before ``position``, in any epoch alike: int64 [k]."""
        if position >= self._total:
            return self.draws
        number = self._stretch_at(position)
        firsts = self._turns(number)
        counts = self._turns(number + 1) - firsts
        owners = np.repeat(np.arange(len(counts)), counts).take(self._places(number, int(counts.sum())))
        return firsts + np.bincount(owners[: position - firsts.sum()], minlength=len(counts))

    def _turns(self, stretch: int) -> np.ndarray:
        """Draws of each cell before a stretch, int64 [k]: none before the first, all before the one after the last."""
        return (self.draws * stretch + self._phases) // self._stretches

    def _stretch_at(self, position: int) -> int:
        number = position * self._stretches // self._total
        while self._turns(number).sum() > position:
            number -= 1
        while self._turns(number + 1).sum() <= position:
            number += 1
        return number

    def _places(self, stretch: int, size: int) -> np.ndarray:
        """An order of ``range(size)``: the same shuffled numbers from a place on that differs between stretches.

        One shuffle is enough, since every cell gives its samples in random order. It is the same in all epochs, so
        that what a loader drops at the end leaves the same draws of each cell in all of them.
        """
        turn = int(uniform(np.array([stretch]), key=(self.seed, _TURN))[0] * len(self._shuffled))
        places = np.concatenate([self._shuffled[turn:], self._shuffled[:turn]])
        return places[places < size]

    def _walk(self, cell: int) -> Laps:
        if cell not in self._laps:
            self._laps[cell] = Laps(int(self.cells.sizes[cell]), key=(self.seed, self.epoch, _CELL, cell))
        return self._laps[cell]
