"""Samplers: every rank agrees on one order, and any epoch can be drawn again."""

import numpy as np
import pytest
import torch
from scipy import stats

from zoo.datasets.randomness import uniform
from zoo.datasets.samplers.epoch import EpochSampler
from zoo.datasets.samplers.sequential import SequentialSampler


class Labelled:
    """A dataset that is only labels, and remembers the epoch it was told."""

    def __init__(self, *labels):
        self._labels = np.array(labels, np.int8)
        self.clock = None

    def __len__(self):
        return len(self._labels)

    def labels(self):
        return self._labels

    def set_epoch(self, epoch, seed=None):
        self.clock = (seed, epoch)


def over_ranks(kind, dataset, world_size, epoch=0, **options):
    drawn = []
    for rank in range(world_size):
        sampler = kind(dataset, rank=rank, world_size=world_size, **options)
        sampler.set_epoch(epoch)
        indices = list(sampler)
        assert len(indices) == len(sampler)
        drawn.append(indices)
    return drawn


def test_uniform_is_uniform_and_a_function_of_its_key():
    draws = uniform(np.arange(20_000), key=(1, 2))
    assert stats.kstest(draws, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03
    assert uniform(np.array([77]), key=(1, 2))[0] == draws[77]
    assert uniform(np.array([77]), key=(1, 3))[0] != draws[77]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_an_epoch_holds_each_sample_once(world_size):
    dataset = Labelled(*[0] * 11)
    drawn = over_ranks(EpochSampler, dataset, world_size, seed=4)
    assert len({len(indices) for indices in drawn}) == 1
    interleaved = [index for turn in zip(*drawn, strict=True) for index in turn]
    assert sorted(interleaved[:11]) == list(range(11))
    assert interleaved[11:] == interleaved[: len(interleaved) - 11]
    left = [index for indices in over_ranks(EpochSampler, dataset, world_size, drop_last=True) for index in indices]
    assert len(left) == len(set(left)) == 11 // world_size * world_size


def test_epochs_and_seeds_differ_and_repeat():
    dataset = Labelled(*[0] * 50)
    sampler = EpochSampler(dataset, seed=1, rank=0, world_size=1)
    first = list(sampler)
    assert list(sampler) == first and first != list(range(50))
    sampler.set_epoch(1)
    assert list(sampler) != first and dataset.clock == (1, 1)
    assert list(EpochSampler(dataset, seed=2, rank=0, world_size=1)) != first
    assert list(EpochSampler(dataset, shuffle=False, rank=0, world_size=1)) == list(range(50))


def test_sequential_gives_every_sample_in_order():
    sampler = SequentialSampler(Labelled(*[0] * 7), seed=3)
    assert list(sampler) == list(range(7))
    assert len(sampler) == 7


def test_samplers_ask_the_launcher_for_their_rank():
    sampler = EpochSampler(Labelled(0, 1))
    assert (sampler.rank, sampler.world_size, sampler.seed) == (0, 1, 0)
    assert isinstance(sampler, torch.utils.data.Sampler)
