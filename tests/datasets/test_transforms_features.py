"""Transforms of feature windows."""

import numpy as np
import pytest

from zoo.datasets.transforms.dropout import FeatureDropout, ModalityDropout
from zoo.datasets.transforms.temporal import RandomTemporalCrop, TemporalJitter
from zoo.errors import ConfigError


def sample(frames=200, width=50):
    return {
        "visual": np.ones((frames, width), np.float32),
        "audio": np.ones((frames, width), np.float32),
        "visual_mask": np.ones(frames, bool),
        "audio_mask": np.ones(frames, bool),
    }


def test_jitter_shifts_by_up_to_its_bound():
    rng = np.random.default_rng(0)
    windows = {TemporalJitter(max_shift=3).window(10, 20, 100, rng) for _ in range(200)}
    assert windows == {(10 + shift, 20 + shift) for shift in range(-3, 4)}


def test_jitter_leaves_a_frame_of_the_shortest_clip():
    rng = np.random.default_rng(0)
    for frames in (1, 2, 3):
        windows = {TemporalJitter(max_shift=3).window(0, frames, frames, rng) for _ in range(100)}
        assert all(start < frames and stop > 0 for start, stop in windows)
        assert len(windows) == 2 * frames - 1


def test_crop_stays_inside_and_above_its_least_length():
    rng = np.random.default_rng(0)
    windows = [RandomTemporalCrop(min_fraction=0.5).window(10, 20, 100, rng) for _ in range(500)]
    assert {stop - start for start, stop in windows} == set(range(5, 11))
    assert min(start for start, _ in windows) == 10 and max(stop for _, stop in windows) == 20
    assert RandomTemporalCrop(probability=0).window(10, 20, 100, rng) == (10, 20)
    assert RandomTemporalCrop(min_fraction=0.1).window(3, 4, 5, rng) == (3, 4)


@pytest.mark.parametrize(("along", "axis"), [("frames", 1), ("dims", 0)])
def test_feature_dropout_zeroes_its_share_of_each_stream(along, axis):
    changed = FeatureDropout(probability=0.3, along=along)(sample(400, 400), np.random.default_rng(0))
    for name in ("visual", "audio"):
        dropped = (changed[name] == 0).all(axis=axis)
        assert dropped.mean() == pytest.approx(0.3, abs=0.08)
        assert (changed[name] == 0).mean() == dropped.mean()
        assert changed[f"{name}_mask"].all()
    assert not np.array_equal(changed["visual"], changed["audio"])


def test_modality_dropout_hides_either_but_never_both():
    rng = np.random.default_rng(0)
    hidden = []
    for _ in range(400):
        changed = ModalityDropout(probability=0.5)(sample(3, 2), rng)
        names = [name for name in ("visual", "audio") if not changed[f"{name}_mask"].any()]
        assert all(not changed[name].any() for name in names)
        hidden.append(tuple(names))
    assert set(hidden) == {(), ("visual",), ("audio",)}
    assert sum(map(bool, hidden)) / 400 == pytest.approx(0.5, abs=0.08)


def test_modality_dropout_spares_what_has_one_modality():
    rng = np.random.default_rng(0)
    silent = sample(3, 2)
    silent["audio_mask"][:] = False
    alone = {name: value for name, value in sample(3, 2).items() if name.startswith("visual")}
    for given in (silent, alone):
        assert ModalityDropout(probability=1)(given, rng)["visual_mask"].all()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (TemporalJitter, {"max_shift": -1}),
        (RandomTemporalCrop, {"min_fraction": 0}),
        (FeatureDropout, {"probability": 1}),
        (FeatureDropout, {"along": "time"}),
        (ModalityDropout, {"probability": 2}),
    ],
)
def test_impossible_options_are_config_errors(kind, options):
    with pytest.raises(ConfigError):
        kind(**options)
