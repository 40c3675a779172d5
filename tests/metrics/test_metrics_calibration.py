"""ECE and Brier score against slow, independent ways to compute them."""

import math

import numpy as np
import pytest

from zoo.errors import ConfigError, DataError
from zoo.metrics.calibration import brier, expected_calibration_error


def slow_ece(scores, labels, bins):
    total = 0.0
    for k in range(bins):
        inside = [
            (score, label)
            for score, label in zip(scores, labels, strict=True)
            if k / bins <= score < (k + 1) / bins or (k == bins - 1 and score == 1)
        ]
        if inside:
            share = sum(label for _, label in inside) / len(inside)
            mean = sum(score for score, _ in inside) / len(inside)
            total += len(inside) / len(scores) * abs(share - mean)
    return total


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("bins", [1, 4, 16])
def test_against_a_loop(seed, bins):
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.random(200), [0.0, 1.0, 0.5, 0.25]])
    labels = random.integers(0, 2, len(scores))
    assert expected_calibration_error(scores, labels, bins=bins) == pytest.approx(slow_ece(scores, labels, bins))
    assert brier(scores, labels) == pytest.approx(sum((s - y) ** 2 for s, y in zip(scores, labels, strict=True)) / 204)


def test_extremes():
    assert expected_calibration_error([0.0, 1.0], [0, 1]) == 0
    assert expected_calibration_error([0.0, 1.0], [1, 0]) == 1
    assert brier([0.0, 1.0], [1, 0]) == 1
    assert math.isnan(expected_calibration_error([], []))
    assert math.isnan(brier([], []))


def test_what_is_refused():
    with pytest.raises(DataError, match="not in"):
        brier([1.5], [1])
    with pytest.raises(ConfigError, match="bins is 0"):
        expected_calibration_error([0.5], [1], bins=0)
