"""Fake segments: what is mended, what is refused, and what a window shows of them."""

import numpy as np
import pytest

from zoo.datasets.segments import attributed, carried_on, joined, read_segments, within
from zoo.errors import DataError
from zoo.structures import Segment


def test_segments_come_in_order_and_apart():
    assert read_segments([[3, 4], [1, 2]], where="x") == (Segment(1, 2), Segment(3, 4))
    assert read_segments([[1, 2], [1.5, 3], [2.5, 2.7]], where="x") == (Segment(1, 3),)
    assert read_segments([[1, 2], [2, 3]], where="x") == (Segment(1, 2), Segment(2, 3))


@pytest.mark.parametrize("nothing", [None, [], [[1, 1]]])
def test_nothing_is_no_segment(nothing):
    assert read_segments(nothing, where="x") == ()


def test_what_ends_a_little_late_ends_with_the_video():
    assert read_segments([[1, 4.3]], where="x", duration_s=4.0) == (Segment(1, 4.0),)
    assert read_segments([[4.1, 4.3]], where="x", duration_s=4.0) == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[2, 1]], "no list of start and end"),
        ([[-1, 1]], "no list of start and end"),
        ([[0, float("inf")]], "no list of start and end"),
        ([[0, float("nan")]], "no list of start and end"),
        ([[1]], "no list of start and end"),
        ([["a", "b"]], "no list of start and end"),
        (3, "no list of start and end"),
        ([[1, 5]], "ends at 5.0 s, and the video at 4.0 s"),
    ],
)
def test_nonsense_is_one_clear_error(value, message):
    with pytest.raises(DataError, match=message) as caught:
        read_segments(value, where="list.json, entry 3", duration_s=4.0)
    assert caught.value.where == "list.json, entry 3"


def test_a_joint_segment_has_the_modality_that_all_agree_on():
    video, audio = Segment(1, 2, modality="video"), Segment(1.5, 3, modality="audio")
    assert joined([audio, video]) == (Segment(1, 3),)
    assert joined([video, Segment(1.9, 2.5, modality="video")]) == (Segment(1, 2.5, modality="video"),)


def test_a_modality_is_named_where_one_list_alone_has_something():
    segments = [Segment(0, 1), Segment(2, 3), Segment(4, 5), Segment(6, 7)]
    video, audio = [Segment(0.5, 1), Segment(4, 5)], [Segment(2, 2.2), Segment(4, 5)]
    told = attributed(segments, video=video, audio=audio)
    assert [segment.modality for segment in told] == ["video", "audio", None, None]


def test_a_window_shows_parts():
    segments = (Segment(0, 1), Segment(2, 4), Segment(5, 6))
    assert within(segments, start_s=0.5, end_s=3.0) == (Segment(0.5, 1), Segment(2, 3.0))
    assert within(segments, start_s=1.0, end_s=2.0) == ()


def test_times_go_on_through_padding():
    times = np.array([0.0, 0.0, 2.0, 2.1, 2.2, 0.0])
    np.testing.assert_allclose(carried_on(times, slice(2, 5), step_s=0.1), [1.8, 1.9, 2.0, 2.1, 2.2, 2.3])
    assert np.diff(carried_on(np.zeros(3), slice(0, 1), step_s=0.0)).min() > 0
    assert times[0] == 0.0
