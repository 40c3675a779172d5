"""Samplers: every rank agrees on one order, and any epoch can be drawn again."""

import numpy as np
import pytest
import torch
from scipy import stats

from zoo.datasets.randomness import permuted, uniform
from zoo.datasets.samplers.balanced import BalancedSampler
from zoo.datasets.samplers.epoch import EpochSampler
from zoo.datasets.samplers.sequential import SequentialSampler
from zoo.errors import DataError


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


@pytest.mark.parametrize("size", [1, 2, 3, 17, 64, 65, 1000, 70_001])
def test_permuted_is_a_permutation(size):
    order = permuted(np.arange(size), size, key=(3, 1))
    assert np.array_equal(np.sort(order), np.arange(size))
    part = np.arange(size // 3, size)
    assert np.array_equal(permuted(part, size, key=(3, 1)), order[part])
    assert size < 4 or not np.array_equal(permuted(np.arange(size), size, key=(3, 2)), order)


def test_permutations_are_even():
    size, turns = 10, 800
    counts = np.zeros((size, size))
    for key in range(turns):
        counts[np.arange(size), permuted(np.arange(size), size, key=(0, key))] += 1
    chi_square = ((counts - turns / size) ** 2 / (turns / size)).sum()
    assert stats.chi2.sf(chi_square, (size - 1) ** 2) > 1e-3


def test_permuted_reaches_beyond_32_bits_without_an_array():
    size = 10**12
    order = permuted(np.arange(size - 1000, size), size, key=(1,))
    assert len(set(order.tolist())) == 1000 and order.min() >= 0 and order.max() < size


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


@pytest.mark.parametrize("labels", [[0] * 30 + [1] * 6, [1, 0, 0, 0, 0, 0] * 6], ids=["sorted", "mixed"])
@pytest.mark.parametrize("world_size", [1, 2])
def test_balanced_draws_classes_equally(labels, world_size):
    dataset = Labelled(*labels)
    drawn = over_ranks(BalancedSampler, dataset, world_size, epoch=2, seed=3)
    indices = np.array(drawn).ravel()
    assert len(indices) == 36
    chosen = dataset.labels()[indices]
    assert (chosen == 0).sum() == (chosen == 1).sum() == 18
    real, fake = indices[chosen == 0], indices[chosen == 1]
    assert len(set(real.tolist())) == 18  # none repeated while others are unseen
    assert np.unique(fake, return_counts=True)[1].tolist() == [3] * 6
    assert all({0, 1} <= set(dataset.labels()[part].tolist()) for part in drawn)


def test_balanced_is_an_epoch_when_the_data_is_balanced():
    drawn = over_ranks(BalancedSampler, Labelled(*[0] * 9, *[1] * 9), 1)[0]
    assert sorted(drawn) == list(range(18))


def test_balanced_over_several_blocks_and_another_length():
    dataset = Labelled(*[0] * 9000, *[1] * 50)
    (drawn,) = over_ranks(BalancedSampler, dataset, 1, num_samples=20_001)
    labels = dataset.labels()[drawn]
    assert len(drawn) == 20_001 and abs(int((labels == 0).sum()) - int((labels == 1).sum())) == 1
    assert np.bincount(np.array(drawn)[labels == 1] - 9000).min() == 200
    sampler = BalancedSampler(dataset, num_samples=20_001, rank=0, world_size=1)
    assert sampler.rows(np.arange(8190, 8200)).tolist() == drawn[8190:8200]  # any place without the ones before
    sampler.set_epoch(1)
    assert next(iter(sampler)) != drawn[0]


def test_balanced_needs_two_classes():
    with pytest.raises(DataError, match="two classes"):
        BalancedSampler(Labelled(1, 1), rank=0, world_size=1)


def test_samplers_ask_the_launcher_for_their_rank():
    sampler = EpochSampler(Labelled(0, 1))
    assert (sampler.rank, sampler.world_size, sampler.seed) == (0, 1, 0)
    assert isinstance(sampler, torch.utils.data.Sampler)
