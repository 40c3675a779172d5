"""Mixers: whole numbers of draws for each cell, exactly as many as an epoch is long."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.datasets.cells import CellName, Cells
from zoo.datasets.mixers.balanced import BalancedMixer
from zoo.datasets.mixers.proportional import ProportionalMixer
from zoo.datasets.mixers.temperature import TemperatureMixer
from zoo.datasets.mixers.weighted import WeightedMixer
from zoo.errors import ConfigError, DataError
from zoo.registry import build


def cells_of(**sizes):
    """Cells from ``a_real_x=3``, in this order."""
    counts = np.array(list(sizes.values()), np.int64)
    names = tuple(CellName(*name.split("_")) for name in sizes)
    return Cells(names, np.cumsum(counts) - counts, counts)


THREE = cells_of(FF_real_real=100, DFDC_real_real=20, FF_fake_swap=300, FF_fake_blend=100, DFDC_fake_DFDC=480)


def draws(mixer, length=1200, cells=THREE):
    return mixer.draws(cells, length).tolist()


def test_proportional_draws_each_sample_equally_often():
    assert draws(ProportionalMixer(), 1000) == THREE.sizes.tolist()
    assert draws(ProportionalMixer(), 2000) == (2 * THREE.sizes).tolist()
    assert draws(ProportionalMixer(), 7) == [1, 0, 2, 1, 3]


def test_balanced_gives_each_combination_its_share():
    assert draws(BalancedMixer()) == [300, 300, 225, 75, 300]
    assert draws(BalancedMixer(by=("label",))) == [500, 100, 205, 68, 327]
    assert draws(BalancedMixer(by="corpus")) == [120, 24, 360, 120, 576]
    assert draws(BalancedMixer(by=("label", "method"))) == [500, 100, 200, 200, 200]


def test_balanced_is_hierarchical_where_combinations_are_missing():
    lopsided = cells_of(a_real_x=5, a_fake_y=50, b_fake_z=10)
    assert draws(BalancedMixer(by=("corpus", "label")), 100, lopsided) == [25, 25, 50]
    assert draws(BalancedMixer(by=("label", "corpus")), 100, lopsided) == [50, 25, 25]


def test_temperature_lies_between_proportions_and_equal_shares():
    assert draws(TemperatureMixer(temperature=1), 1000) == THREE.sizes.tolist()
    assert draws(TemperatureMixer(temperature=float("inf"))) == [240] * 5
    roots = np.sqrt(THREE.sizes)
    assert np.abs(draws(TemperatureMixer(temperature=2)) - roots / roots.sum() * 1200).max() <= 1
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        TemperatureMixer(temperature=0)


def test_weights_go_to_the_longest_name_that_fits():
    assert draws(WeightedMixer(weights={"FF": 2, "DFDC/fake": 1, "DFDC/real": 1})) == [120, 300, 360, 120, 300]
    weights = {"FF": 2, "FF/fake/blend": 1, "DFDC/fake": 1, "DFDC": 0}
    assert draws(WeightedMixer(weights=weights)) == [150, 0, 450, 300, 300]


def test_all_that_does_not_fit_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        draws(WeightedMixer(weights={"FFF": 1, "DFDC/fake": 1, "FF/fake": 1, "FF/fake/swaap": 1, "FF/real/real": 1}))
    assert "3 mistakes" in caught.value.what
    assert "the data has no 'FFF'. Did you mean 'FF'" in caught.value.what
    assert "no 'FF/fake/swaap'. Did you mean 'FF/fake/swap'" in caught.value.what
    assert "DFDC/real/real has no weight" in caught.value.what
    assert caught.value.next_step.startswith("The data has: FF/real/real, DFDC/real/real, FF/fake/swap")


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "2", True])
def test_weights_are_numbers_from_0_on(weight):
    with pytest.raises(ConfigError, match="must be a number from 0 on"):
        WeightedMixer(weights={"a": 1, "b": weight})


def test_weights_that_draw_nothing_are_refused():
    with pytest.raises(ConfigError, match="above 0"):
        WeightedMixer(weights={"FF": 0})
    with pytest.raises(ConfigError, match="longer names"):
        draws(WeightedMixer(weights={"FF": 1, "FF/real": 0, "FF/fake": 0, "DFDC": 0}))


def test_balance_needs_axes_and_two_classes():
    with pytest.raises(ConfigError, match="Did you mean 'label'"):
        BalancedMixer(by=("labels",))
    with pytest.raises(ConfigError, match="different axes"):
        BalancedMixer(by=("label", "label"))
    with pytest.raises(DataError, match="all samples are fake"):
        draws(BalancedMixer(by=("label",)), 10, cells_of(a_fake_x=3))
    assert draws(BalancedMixer(by=("corpus",)), 10, cells_of(a_fake_x=3)) == [10]


def test_nothing_cannot_be_mixed():
    with pytest.raises(ConfigError, match="nothing to mix"):
        draws(ProportionalMixer(), 10, Cells((), np.empty(0, int), np.empty(0, int)))


def test_mixers_are_components():
    assert draws(build("mixer", {"type": "BalancedMixer", "by": ["corpus", "label"]})) == draws(BalancedMixer())


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 10**9), min_size=1, max_size=12),
    length=st.integers(0, 10**9),
    mixer=st.sampled_from(
        [ProportionalMixer(), BalancedMixer(by=("corpus", "method")), TemperatureMixer(temperature=3)]
    ),
)
def test_draws_are_shares_rounded_and_sum_up_exactly(sizes, length, mixer):
    cells = cells_of(**{f"c{index % 3}_fake_m{index}": size for index, size in enumerate(sizes)})
    drawn, shares = mixer.draws(cells, length), mixer.shares(cells)
    assert drawn.sum() == length and drawn.dtype == np.int64
    assert np.abs(drawn - shares / shares.sum() * length).max() < 1 + 1e-6
