import numpy as np
import pytest

from zoo.features.log_mel import LogMel, mel_filters

RATE = 16_000


def bursts(starts, *, seconds=3.0, rate=RATE, length=0.1, hertz=800.0):
    """A tone that sounds for ``length`` seconds at each of ``starts`` over quiet noise."""
    time = np.arange(int(seconds * rate)) / rate
    sound = np.random.default_rng(0).normal(0, 1e-3, len(time))
    for start in starts:
        inside = (time >= start) & (time < start + length)
        sound[inside] += 0.5 * np.sin(2 * np.pi * hertz * time[inside])
    return sound.astype(np.float32)


def loudness(rows):
    """One value an instant, [t * 8]."""
    return rows.reshape(-1, 64).mean(axis=1)


@pytest.mark.parametrize("fps", [12, 24, 25, 29.97, 60])
def test_rows_are_joined_by_time_at_any_frame_rate(fps):
    times = np.arange(int(3 * fps)) / fps + 0.013  # frames that do not start at 0
    rows = LogMel().embed(bursts([1.0]), RATE, times)
    assert rows.shape == (len(times), 512)
    instants = (times[:, None] + ((np.arange(8) + 0.5) / 8 - 0.5) / fps).ravel()
    loud = instants[loudness(rows) > 0.5 * loudness(rows).max()]
    assert loud.min() == pytest.approx(1.0, abs=0.02)
    assert loud.max() == pytest.approx(1.1, abs=0.02)


def test_irregular_times_are_honoured():
    times = np.array([0.1, 0.2, 0.9, 1.05, 1.2, 2.0])
    rows = LogMel().embed(bursts([1.0]), RATE, times)
    assert loudness(rows).reshape(6, 8).mean(axis=1).argmax() == 3


def test_loudness_of_the_clip_does_not_matter():
    times = np.arange(75) / 25
    loud = LogMel().embed(bursts([0.5, 1.4]), RATE, times)
    quiet = LogMel().embed(bursts([0.5, 1.4]) * 0.01, RATE, times)
    np.testing.assert_allclose(loud, quiet, atol=1e-3)
    assert loud.std() == pytest.approx(1, abs=0.05)


def test_rows_outside_the_sound_are_zero_and_all_values_are_finite():
    times = np.arange(-10, 90) / 25
    rows = LogMel().embed(bursts([0.5, 1.4]), RATE, times)
    outside = (times < 0) | (times >= 3)
    assert not rows[outside].any()
    assert rows[~outside].any(axis=1).all()
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("sound", [np.zeros(RATE, np.float32), np.zeros(0, np.float32), np.ones(1, np.float32)])
def test_silence_and_no_sound_are_zero_not_nan(sound):
    rows = LogMel().embed(sound, RATE, np.arange(25) / 25)
    assert np.isfinite(rows).all()
    assert not np.abs(rows).max() > 100


def test_other_rates_give_the_same_picture():
    times = np.arange(75) / 25
    embedder = LogMel(high_hz=3800)
    high = embedder.embed(bursts([1.0]), RATE, times)
    low = embedder.embed(bursts([1.0], rate=8000), 8000, times)
    assert np.corrcoef(loudness(high), loudness(low))[0, 1] > 0.95


def test_every_filter_hears_something():
    filters = mel_filters(64, 800, RATE, 60.0, 7600.0)
    np.testing.assert_allclose(filters.sum(axis=0), 1, atol=1e-5)
    centers = filters.T @ np.fft.rfftfreq(800, 1 / RATE)
    assert (np.diff(centers) > 0).all()


def test_width_must_be_512():
    with pytest.raises(ValueError, match="512"):
        LogMel(bands=80)


def test_fingerprint_follows_the_arguments():
    assert LogMel().fingerprint() == LogMel().fingerprint() != LogMel(range_db=60.0).fingerprint()
