"""What every mixer promises to samplers: whole draws of each cell, exactly as many as asked for, always the same."""

import numpy as np
import pytest
from part_cases import names

from zoo.datasets.cells import CellName, Cells
from zoo.registry import build

OPTIONS = {"TemperatureMixer": {"temperature": 2.0}, "WeightedMixer": {"weights": {"a": 1, "b": 2.5}}}
SIZES = np.array([5, 1, 700, 40])
NAMES = (CellName("a", "real", "r"), CellName("b", "real", "r"), CellName("a", "fake", "x"), CellName("b", "fake", "y"))
CELLS = Cells(NAMES, np.cumsum(SIZES) - SIZES, SIZES)


@pytest.fixture(params=names("mixer"))
def mixer(request):
    return build("mixer", {"type": request.param, **OPTIONS.get(request.param, {})})


@pytest.mark.parametrize("length", [0, 1, 3, 746, 10**9 + 7])
def test_draws_are_whole_and_sum_up(mixer, length):
    draws = mixer.draws(CELLS, length)
    assert draws.dtype == np.int64 and draws.shape == (4,)
    assert draws.sum() == length and draws.min() >= 0
    assert np.array_equal(mixer.draws(CELLS, length), draws)


def test_shares_are_proportions(mixer):
    shares = mixer.shares(CELLS)
    assert shares.shape == (4,) and (shares >= 0).all() and np.isfinite(shares).all() and shares.any()


def test_within_corpus_and_class_sizes_decide_the_order(mixer):
    """Of two cells that differ in their method alone, the larger one is drawn no less often."""
    cells = Cells((*NAMES, CellName("b", "fake", "z")), np.array([0, 5, 6, 706, 746]), np.array([*SIZES, 80]))
    draws = mixer.draws(cells, 10_000)
    assert draws[4] >= draws[3] > 0
