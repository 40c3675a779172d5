"""Transforms of pictures."""

import numpy as np
import pytest

from zoo.datasets.transforms.flip import HorizontalFlip
from zoo.errors import ConfigError


def picture():
    return np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_flip_exchanges_left_and_right_or_nothing(probability):
    sample = HorizontalFlip(probability=probability)({"image": picture()}, np.random.default_rng(0))
    wanted = picture()[:, ::-1] if probability else picture()
    np.testing.assert_array_equal(sample["image"], wanted)


def test_flips_come_as_often_as_asked_for():
    flip, rng = HorizontalFlip(probability=0.3), np.random.default_rng(0)
    flipped = sum(int(flip({"image": picture()}, rng)["image"][0, 0, 0] != 0) for _ in range(500))
    assert 120 < flipped < 180


def test_an_impossible_probability_is_a_config_error():
    with pytest.raises(ConfigError, match="probability"):
        HorizontalFlip(probability=1.5)
