"""Seconds to places along a clip's frames, and back."""

import numpy as np
import pytest

from zoo.detectors.segment_times import places_of, seconds_of
from zoo.errors import DataError


def test_even_frames():
    times = 2.0 + np.arange(10) / 25
    np.testing.assert_allclose(places_of(np.array([2.0, 2.02, 2.36, 2.4, 1.96]), times), [0, 0.5, 9, 10, -1])


def test_uneven_frames_and_what_lies_beyond_them():
    times = np.array([0.0, 0.04, 0.1, 0.2])
    np.testing.assert_allclose(places_of(np.array([0.07, 0.15, 0.3, -0.08]), times), [1.5, 2.5, 4.0, -2.0])


def test_there_and_back():
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.1, 30))
    seconds = np.random.default_rng(1).uniform(-1, times[-1] + 1, (7, 2))
    np.testing.assert_allclose(seconds_of(places_of(seconds, times), times), seconds)


def test_one_frame_has_a_place():
    assert places_of(np.array([0.5]), np.array([0.5])).tolist() == [0.0]


@pytest.mark.parametrize("times", [[0.0, 0.2, 0.1], [0.0, np.nan], []])
def test_times_that_fall_are_refused(times):
    with pytest.raises(DataError, match="times"):
        places_of(np.array([0.0]), np.array(times))
