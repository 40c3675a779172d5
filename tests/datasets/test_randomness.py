"""Permutations of which any part can be computed: each value once, all orders alike, neighbours far apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from zoo.datasets.randomness import Laps, Permutation

BIG = 70_001  # beyond the tables


@pytest.mark.parametrize("size", [1, 2, 3, 17, 64, 1000, 16_384, 16_385, BIG, 90_000])
def test_every_value_once_and_any_part_alone(size):
    permutation = Permutation(size, key=(3, 1))
    order = permutation(np.arange(size))
    assert order.dtype == np.int64 and np.array_equal(np.sort(order), np.arange(size))
    part = np.arange(size // 3, size)
    assert np.array_equal(Permutation(size, key=(3, 1))(part), order[part])
    assert size < 4 or not np.array_equal(Permutation(size, key=(3, 2))(np.arange(size)), order)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(16_385, 60_000), key=st.integers(0, 2**64))
def test_any_size_is_permuted(size, key):
    assert np.array_equal(np.sort(Permutation(size, key=(key,))(np.arange(size))), np.arange(size))


@pytest.mark.parametrize("size", [10, BIG])
def test_each_position_goes_everywhere_alike(size):
    bins, turns = 10, 800
    counts = np.zeros((bins, bins))
    positions = np.linspace(0, size - 1, bins).astype(np.int64)
    for key in range(turns):
        counts[np.arange(bins), Permutation(size, key=(0, key))(positions) * bins // size] += 1
    chi_square = ((counts - turns / bins) ** 2 / (turns / bins)).sum()
    assert stats.chi2.sf(chi_square, (bins - 1) ** 2) > 1e-3


def test_neighbours_and_distances_are_those_of_a_shuffle():
    order = Permutation(BIG, key=(5,))(np.arange(BIG))
    for lag in (1, 2, 265, 266):  # one and a row of the grid apart
        ahead, behind = order[lag:], order[:-lag]
        assert abs(np.corrcoef(ahead, behind)[0, 1]) < 0.015
        gaps = np.abs(ahead - behind) / BIG
        assert stats.kstest(gaps, lambda x: 1 - (1 - x) ** 2).pvalue > 1e-3
    for window in np.array_split(order, 20):  # nothing of the range is left to later
        assert stats.kstest(window / BIG, "uniform").pvalue > 1e-4


def test_successors_do_not_repeat():
    """Positions a row apart share steps of the grid; what follows what must not."""
    order = Permutation(BIG, key=(6,))(np.arange(BIG))
    steps = np.diff(order)
    _, counts = np.unique(steps, return_counts=True)
    shuffled = np.unique(np.diff(np.random.default_rng(0).permutation(BIG)), return_counts=True)[1]
    assert counts.max() <= shuffled.max() + 3 and abs(len(counts) / len(shuffled) - 1) < 0.02


def test_beyond_32_bits_without_an_array():
    size = 10**12
    order = Permutation(size, key=(1,))(np.arange(size - 1000, size))
    assert len(set(order.tolist())) == 1000 and order.min() >= 0 and order.max() < size
    assert stats.kstest(order / size, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("size", [1, 3, 700, 5000, 20_000])
def test_each_lap_holds_everything_once_in_another_order(size):
    turns = np.arange(7 * size)
    walk = Laps(size, key=(2,))(turns)
    laps = walk.reshape(7, size)
    assert (np.sort(laps, axis=1) == np.arange(size)).all()
    assert size < 10 or len(np.unique(laps, axis=0)) == 7
    middle = turns[3 * size // 2 : 5 * size // 2]
    assert np.array_equal(Laps(size, key=(2,))(middle), walk[middle])
    assert len(Laps(size, key=(2,))(turns[:0])) == 0
