"""Trivial features: known values on files made for the purpose."""

import numpy as np
import pytest

from zoo.datasets.shortcuts import TRIVIAL_FEATURES, trivial_features
from zoo.errors import MediaError
from zoo.media.encode import write_video

RATE = 16_000


def write(path, *, silence_s=0.0, amplitude=0.5, sound=True):
    frames = np.full((50, 32, 32, 3), 128, np.uint8)
    wave = amplitude * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE).astype(np.float32)
    wave[: int(silence_s * RATE)] = 0
    write_video(path, frames, fps=25, audio=wave if sound else None, rate=RATE)
    return path


def test_every_feature_has_its_value(tmp_path):
    path = write(tmp_path / "a.mp4")
    found = trivial_features(path)
    assert found.keys() == TRIVIAL_FEATURES.keys()
    assert found["file_size"] == path.stat().st_size
    assert found["duration"] == pytest.approx(2.0, abs=0.1)
    assert found["bit_rate"] == pytest.approx(8 * path.stat().st_size / found["duration"])
    assert found["loudness"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.3)
    assert found["leading_silence"] <= 0.02


def test_leading_silence_and_loudness_follow_the_sound(tmp_path):
    found = trivial_features(write(tmp_path / "a.mp4", silence_s=0.5, amplitude=0.05))
    assert found["leading_silence"] == pytest.approx(0.5, abs=0.05)
    assert found["loudness"] < -28


def test_a_file_without_sound_is_an_error(tmp_path):
    with pytest.raises(MediaError) as caught:
        trivial_features(write(tmp_path / "a.mp4", sound=False))
    assert caught.value.status == "no_audio"
