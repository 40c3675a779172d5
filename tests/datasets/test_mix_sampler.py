"""MixSampler: announced counts to the sample, each cell lap by lap, one order for all ranks, any place at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler

from zoo.datasets.cells import CellName, Cells
from zoo.datasets.mixers.balanced import BalancedMixer
from zoo.datasets.mixers.proportional import ProportionalMixer
from zoo.datasets.mixers.weighted import WeightedMixer
from zoo.datasets.samplers import mix
from zoo.datasets.samplers.epoch import EpochSampler
from zoo.datasets.samplers.mix import MixSampler
from zoo.engine.data import ResumableBatches
from zoo.errors import ConfigError, DataError


class Celled:
    """A dataset of so many samples in each of its cells, two corpora and two labels in turn."""

    def __init__(self, *sizes):
        self.sizes = np.array(sizes, np.int64)

    def __len__(self):
        return int(self.sizes.sum())

    def cells(self):
        names = [CellName("ab"[i // 2 % 2], ("real", "fake")[i % 2], f"m{i // 4}") for i in range(len(self.sizes))]
        return Cells(tuple(names), np.cumsum(self.sizes) - self.sizes, self.sizes)


class Batched(Celled):
    def __getitems__(self, indices):
        return indices


def sampler_of(*sizes, rank=0, world_size=1, epoch=0, mixer=None, **options):
    mixer = mixer or BalancedMixer(by=("label",))
    sampler = MixSampler(Celled(*sizes), mixer=mixer, rank=rank, world_size=world_size, **options)
    sampler.set_epoch(epoch)
    return sampler


@pytest.fixture(params=[None, 64], ids=["one stretch", "many stretches"])
def stretches(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(mix, "_SHORTEST", request.param)
        monkeypatch.setattr(mix, "_DRAWS", 16)


SIZES = st.lists(st.integers(1, 300), min_size=2, max_size=9)


def assert_even(drawn, size):
    times = np.bincount(drawn, minlength=size)
    assert times.max() - times.min() <= 1


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, length=st.integers(1, 900), world_size=st.integers(1, 4), epoch=st.integers(0, 3), data=st.data())
@pytest.mark.parametrize("shortest", [32, 1 << 15])
def test_counts_ranks_and_resumption(shortest, sizes, length, world_size, epoch, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mix, "_SHORTEST", shortest)
        patch.setattr(mix, "_DRAWS", 1)
        options = {"epoch": epoch, "epoch_length": length, "seed": 5}
        ranks = [list(sampler_of(*sizes, rank=rank, world_size=world_size, **options)) for rank in range(world_size)]
        one = sampler_of(*sizes, **options | {"epoch_length": world_size * len(ranks[0])})
        order = list(one)
        assert [index for turn in zip(*ranks, strict=True) for index in turn] == order  # the union, in order
        drawn = np.array(order)
        owners = one.cells.of(drawn)
        assert np.bincount(owners, minlength=len(sizes)).tolist() == one.draws.tolist()
        for cell, size in enumerate(sizes):
            assert_even(drawn[owners == cell] - one.cells.starts[cell], size)

        first = data.draw(st.integers(0, len(ranks[0])))
        resumed = sampler_of(*sizes, rank=world_size - 1, world_size=world_size, **options)
        assert [index for chunk in resumed.chunks(first) for index in chunk.tolist()] == ranks[-1][first:]
        position = data.draw(st.integers(0, len(order)))
        expected = np.bincount(owners[:position], minlength=len(sizes))
        assert one.draws_before(position).tolist() == expected.tolist()


@pytest.mark.usefixtures("stretches")
def test_an_epoch_as_long_as_balanced_data_holds_each_sample_once():
    assert sorted(sampler_of(90, 90)) == list(range(180))
    assert sorted(sampler_of(70, 11, 300, mixer=ProportionalMixer())) == list(range(381))


@pytest.mark.usefixtures("stretches")
def test_epochs_and_seeds_give_other_orders_and_repeat():
    first = list(sampler_of(90, 50, seed=1))
    assert list(sampler_of(90, 50, seed=1)) == first
    assert list(sampler_of(90, 50, seed=1, epoch=1)) != first
    assert list(sampler_of(90, 50, seed=2)) != first
    sampler = sampler_of(90, 50, seed=1, epoch=1)
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_every_part_of_an_epoch_is_mixed():
    sampler = sampler_of(200_000, 400, 30_000, 5, epoch_length=100_000)
    order = np.array(list(sampler))
    owners = sampler.cells.of(order)
    for part in np.split(owners, 100):  # each 1,000 draws; 5 deviations of a hypergeometric count
        expected = sampler.draws / 100
        assert (np.abs(np.bincount(part, minlength=4) - expected) <= 5 * np.sqrt(expected) + 1).all()
    large = order[owners == 0]
    assert abs(np.corrcoef(large[1:], large[:-1])[0, 1]) < 0.02


def test_a_rank_more_or_less():
    assert len(sampler_of(5, 6, world_size=3)) == 4
    down = sampler_of(5, 6, world_size=3, drop_last=True)
    assert (len(down), down.total, down.draws.sum()) == (3, 9, 9)


def test_what_cannot_be_mixed_is_refused():
    class Plain:
        def __len__(self):
            return 3

    with pytest.raises(ConfigError, match="Plain does not tell its samples apart") as caught:
        MixSampler(Plain(), mixer=ProportionalMixer())
    assert "EpochSampler" in caught.value.next_step
    with pytest.raises(ConfigError, match="no 'c'"):
        sampler_of(5, 6, mixer=WeightedMixer(weights={"a": 1, "c": 2}))
    with pytest.raises(DataError, match="all samples are real"):
        sampler_of(5)
    with pytest.raises(ConfigError, match="nothing to draw"):
        sampler_of(5, 6, world_size=3, drop_last=True, epoch_length=2)


def test_a_mixer_may_be_a_config():
    sampler = sampler_of(5, 6, 7, 8, mixer={"type": "WeightedMixer", "weights": {"a": 3, "b": 1}}, epoch_length=40)
    assert sampler.draws[:2].sum() == 30


@pytest.mark.parametrize("kind", ["mix", "epoch"])
@pytest.mark.parametrize("drop_last", [True, False])
def test_batches_are_those_of_torch_and_resume_without_a_replay(kind, drop_last, monkeypatch):
    dataset = Batched(50_000, 300, 20_001)
    options = {"rank": 1, "world_size": 2, "seed": 3}
    mixed = MixSampler(dataset, mixer=ProportionalMixer(), **options)
    sampler = mixed if kind == "mix" else EpochSampler(dataset, **options)
    plain = BatchSampler(sampler, 32, drop_last)
    expected = [list(batch) for batch in plain]
    batches = ResumableBatches(plain)
    given = list(batches)
    assert all(batch.dtype == np.int64 for batch in given)
    assert [batch.tolist() for batch in given] == expected and len(batches) == len(expected)

    computed, original = [], type(sampler).stretch
    monkeypatch.setattr(type(sampler), "stretch", lambda self, at: computed.append(at) or original(self, at))
    batches.skip = len(expected) - 3
    assert [batch.tolist() for batch in batches] == expected[-3:]
    assert len(computed) <= 2
    assert len(list(batches)) == len(expected)  # the next pass is whole again


def test_datasets_that_read_one_sample_get_plain_numbers():
    batches = ResumableBatches(BatchSampler(sampler_of(5, 6), 4, False))
    assert all(type(index) is int for batch in batches for index in batch)
