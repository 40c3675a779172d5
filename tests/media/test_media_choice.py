"""Which frames are chosen: evenly over time, every n seconds, and clips of consecutive frames."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_helpers import number_of, numbered

from zoo.errors import MediaError
from zoo.media.choice import AllFrames, AtTimes, Clips, Evenly, EverySeconds
from zoo.media.decode import iter_frames, read_frames
from zoo.media.encode import write_video
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.media.schedule import Listing

STEPS = st.lists(st.integers(1, 400), min_size=0, max_size=120)


def listing(steps, *, first=0, start=0.0):
    """Frames whose times in milliseconds are ``first`` and the sums of ``steps`` from there."""
    pts = first + np.concatenate([[0], np.cumsum(steps, dtype=np.int64)]).astype(np.int64)
    return Listing(
        pts=pts,
        keys=np.array([0]),
        key_times=pts[:1],
        holes=(),
        lost=0,
        time_base=Fraction(1, 1000),
        start=Fraction(start),
    )


def chosen(choice, video, limits=DEFAULT_LIMITS):
    return choice.positions(video, limits)


@pytest.mark.parametrize(("frames", "count"), [(300, 32), (32, 32), (33, 32), (3000, 7), (50, 1)])
def test_evenly_at_a_constant_rate_is_the_middle_of_equal_parts(frames, count):
    positions = chosen(Evenly(count), listing([40] * (frames - 1)))
    expected = (np.arange(count) + 0.5) / count * frames - 0.5
    assert np.abs(positions - expected).max() <= 0.5
    assert len(set(positions)) == count
    gaps = np.diff(positions)
    assert count == 1 or gaps.max() - gaps.min() <= 1


@given(steps=STEPS, count=st.integers(1, 40), first=st.integers(-500, 5000))
@settings(max_examples=60, deadline=None)
def test_evenly_takes_the_frame_nearest_to_each_middle_whatever_the_rate(steps, count, first):
    video = listing(steps, first=first)
    positions = chosen(Evenly(count), video)
    times = video.seconds(video.pts)
    length = times[-1] + video.step_s - times[0]
    wanted = times[0] + (np.arange(count) + 0.5) / count * length - video.step_s / 2
    assert len(positions) == count and (np.diff(positions) >= 0).all()
    best = np.abs(times[None] - wanted[:, None]).min(axis=1)
    np.testing.assert_allclose(np.abs(times[positions] - wanted), best, atol=1e-9)


def test_evenly_is_even_in_time_not_in_frames():
    video = listing([10] * 1000 + [1000] * 10)  # ten seconds in a rush, then ten slow ones
    times = video.seconds(video.pts)[chosen(Evenly(20), video)]
    assert (times < 10).sum() == 10
    assert np.diff(times).max() < 2.1


@given(steps=STEPS, step_ms=st.integers(1, 3000))
@settings(max_examples=50, deadline=None)
def test_every_so_many_seconds_begins_at_the_first_frame_and_never_leaves_the_video(steps, step_ms):
    video = listing(steps, first=700)
    positions = chosen(EverySeconds(step_ms / 1000), video)
    times = video.seconds(video.pts)
    assert positions[0] == 0 and (np.diff(positions) >= 0).all()
    assert len(positions) == sum(steps) // step_ms + 1
    wanted = times[0] + np.arange(len(positions)) * step_ms / 1000
    np.testing.assert_allclose(
        np.abs(times[positions] - wanted), np.abs(times[None] - wanted[:, None]).min(axis=1), atol=1e-9
    )


@given(steps=STEPS, count=st.integers(1, 12), length=st.integers(1, 30))
@settings(max_examples=80, deadline=None)
def test_clips_are_consecutive_and_never_overlap(steps, count, length):
    frames = len(steps) + 1
    positions = chosen(Clips(count, length), listing(steps))
    assert positions.min() >= 0 and positions.max() < frames
    assert len(set(positions)) == len(positions)
    if frames < length:
        assert positions.tolist() == list(range(frames))
    else:
        clips = positions.reshape(-1, length)
        assert len(clips) == min(count, frames // length)
        assert (np.diff(clips, axis=1) == 1).all()


def test_clips_lie_around_even_times():
    positions = chosen(Clips(4, 10), listing([40] * 399)).reshape(4, 10)
    assert np.abs(positions.mean(axis=1) - np.array([49.5, 149.5, 249.5, 349.5])).max() <= 1


def test_a_single_frame_is_chosen_by_every_rule():
    single = listing([], first=123)
    for choice, times in (
        (Evenly(5), 5),
        (EverySeconds(0.5), 1),
        (Clips(3, 4), 1),
        (AtTimes([0.0, 99.0]), 2),
        (AllFrames(), 1),
    ):
        assert chosen(choice, single).tolist() == [0] * times


def test_what_makes_no_choice_is_refused():
    for make in (
        lambda: Evenly(0),
        lambda: EverySeconds(0),
        lambda: EverySeconds(float("nan")),
        lambda: EverySeconds(float("inf")),
        lambda: Clips(0, 4),
        lambda: Clips(4, 0),
    ):
        with pytest.raises(ValueError):
            make()
    with pytest.raises(ValueError, match="finite"):
        chosen(AtTimes([float("inf")]), listing([40] * 3))
    with pytest.raises(MediaError, match="too many") as caught:
        chosen(EverySeconds(1e-9), listing([40] * 3), Limits(max_frames=100))
    assert caught.value.status == "too_many_frames"


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """120 frames: dense, then sparse, then dense again; keyframes every 8."""
    path = tmp_path_factory.mktemp("choice") / "varied.mp4"
    steps = np.concatenate([np.full(60, 0.02), np.full(20, 0.3), np.full(40, 0.02)])
    times = np.cumsum(steps) - steps[0]
    write_video(path, map(numbered, range(120)), times=times, gop=8)
    return path, times


@pytest.mark.parametrize(
    "choice", [Evenly(5), Evenly(47), EverySeconds(0.7), Clips(3, 7), AtTimes([0.0, 0.4, 3.0]), AllFrames()]
)
def test_streamed_frames_are_the_listed_ones(varied, choice):
    path, times = varied
    limits = DEFAULT_LIMITS
    steps = np.rint(np.diff(times) * 1000).astype(int)
    expected = sorted(set(chosen(choice, listing(steps.tolist()), limits).tolist()))
    ledger = DecodeLedger()
    streamed = list(iter_frames(path, choice=choice, ledger=ledger))
    assert [number_of(frame) for _, frame in streamed] == expected
    np.testing.assert_allclose([time for time, _ in streamed], times[expected], atol=1e-3)
    assert ledger.complete and ledger.decoded_frames == ledger.expected_frames


@pytest.mark.parametrize(
    ("choice", "asked"), [(Evenly(9), {"count": 9}), (EverySeconds(0.5), {"every_s": 0.5}), (AllFrames(), {})]
)
def test_streaming_and_reading_give_the_same_frames(varied, choice, asked):
    path, _ = varied
    read = read_frames(path, **asked)
    distinct = np.unique(read.times, return_index=True)[1]
    streamed = list(iter_frames(path, choice=choice))
    assert [time for time, _ in streamed] == read.times[distinct].tolist()
    assert np.array_equal(np.stack([frame for _, frame in streamed]), read.frames[distinct])
