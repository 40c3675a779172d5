"""Calibrators are monotone, calibrate held-out data, survive JSON and refuse what they cannot be fitted to."""

import json

import numpy as np
import pytest

from zoo.ensembles.calibrators.isotonic import IsotonicCalibrator
from zoo.ensembles.calibrators.temperature import TemperatureCalibrator
from zoo.errors import DataError
from zoo.metrics.calibration import brier, expected_calibration_error
from zoo.plugins import catalog
from zoo.registry import build

NAMES = catalog().names("calibrator")


def made(name):
    return build("calibrator", {"type": name})


def too_sure(n, *, seed):
    """Scores whose logits are four times as large as they should be."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=1.5, size=n)
    return 1 / (1 + np.exp(-4 * logits)), (random.random(n) < 1 / (1 + np.exp(-logits))).astype(int)


def test_there_are_calibrators():
    assert set(NAMES) >= {"IsotonicCalibrator", "PlattCalibrator", "TemperatureCalibrator"}


@pytest.mark.parametrize("name", NAMES)
def test_held_out_calibration_gets_better(name):
    calibrator = made(name)
    calibrator.fit(*too_sure(3_000, seed=0))
    scores, labels = too_sure(3_000, seed=1)
    before, after = (expected_calibration_error(values, labels) for values in (scores, calibrator(scores)))
    assert before > 0.15
    assert after < 0.05
    assert brier(calibrator(scores), labels) < brier(scores, labels)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_never_falling_and_within_the_range(name, seed):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(60) % 2)
    calibrator = made(name)
    calibrator.fit(np.round(random.random(60), 1) if seed % 2 else labels.astype(float), labels)
    mapped = calibrator(np.concatenate([[0.0], np.sort(random.random(1_000)), [1.0]]))
    assert np.all(np.diff(mapped) >= 0)
    assert mapped[0] >= 0
    assert mapped[-1] <= 1


@pytest.mark.parametrize("name", NAMES)
def test_state_through_json_gives_the_same_bits(name):
    scores, labels = too_sure(200, seed=0)
    calibrator, again = made(name), made(name)
    calibrator.fit(scores, labels)
    again.load_state(json.loads(json.dumps(calibrator.state(), allow_nan=False)))
    np.testing.assert_array_equal(again(scores), calibrator(scores))


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_left_out_and_stays(name):
    scores, labels = too_sure(200, seed=0)
    one, other = made(name), made(name)
    one.fit(scores, labels)
    other.fit(np.append(scores, np.nan), np.append(labels, 1))
    np.testing.assert_array_equal(one(scores), other(scores))
    assert np.isnan(one(np.array([np.nan, 0.5]))).tolist() == [True, False]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_refused(name):
    scores, labels = too_sure(50, seed=0)
    with pytest.raises(DataError, match="is not fitted"):
        made(name)(scores)
    with pytest.raises(DataError, match="one class"):
        made(name).fit(scores, np.ones(50))
    with pytest.raises(DataError, match="Too few"):
        made(name).fit(scores[:8], np.arange(8) % 2)
    with pytest.raises(DataError, match="array"):
        made(name).fit(scores + 1, labels)


def test_the_temperature_is_found():
    calibrator = TemperatureCalibrator()
    calibrator.fit(*too_sure(20_000, seed=0))
    assert calibrator.temperature == pytest.approx(4, rel=0.1)
    assert calibrator(np.array([0.5]))[0] == pytest.approx(0.5)


def test_isotonic_is_never_sure():
    calibrator = IsotonicCalibrator()
    calibrator.fit(np.linspace(0, 1, 98), np.arange(98) >= 49)
    assert calibrator(np.array([0.0, 1.0])).tolist() == pytest.approx([0.01, 0.99])


def test_a_temperature_of_few_separable_videos_stays_modest():
    labels = np.repeat([0, 1], 36)
    calibrator = TemperatureCalibrator()
    calibrator.fit(np.where(labels == 1, 0.99, 0.01), labels)
    assert 1 / 38 - 1e-3 < calibrator(np.array([0.01]))[0] < 0.03
