"""Trivial features: known values on files made for the purpose."""

import numpy as np
import pytest
from PIL import Image

from zoo.datasets.shortcuts import (
    FILE_CATEGORIES,
    FILE_FEATURES,
    TRIVIAL_FEATURES,
    file_features,
    trivial_features,
)
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


def test_any_video_has_its_stream_features(tmp_path):
    silent = file_features((str(write(tmp_path / "a.mp4", sound=False)), None))
    assert silent["has_audio"] == 0 and not {"loudness", "audio_codec", "leading_silence"} & silent.keys()
    assert (silent["resolution"], silent["aspect_ratio"], silent["fps"]) == (1024, 1, 25)
    assert (silent["video_codec"], silent["pixel_format"]) == ("h264", "yuv420p")
    heard = file_features((str(write(tmp_path / "b.mp4", silence_s=0.5)), None))
    assert heard["has_audio"] == 1 and heard["audio_codec"] == "aac" and heard["audio_rate"] == RATE
    assert heard["leading_silence"] == pytest.approx(0.5, abs=0.05) and heard["trailing_silence"] < 0.2
    assert heard.keys() | silent.keys() <= FILE_FEATURES.keys() | FILE_CATEGORIES.keys()


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
def test_the_quality_of_a_jpeg_is_read_off_its_tables(tmp_path, quality):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((16, 32, 3), 90, np.uint8)).save(path, quality=quality)
    found = file_features((str(path), None))
    assert found["jpeg_quality"] == quality
    assert (found["resolution"], found["aspect_ratio"], found["container"]) == (512, 2, "jpeg")
    assert found["bits_per_pixel"] == 8 * path.stat().st_size / 512


def test_a_png_has_no_jpeg_quality(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    assert "jpeg_quality" not in file_features((str(tmp_path / "a.png"), None))


@pytest.mark.parametrize(
    ("name", "content", "member", "status"),
    [
        ("a.jpg", b"\xff\xd8 no picture", None, "bad_image"),
        ("a.mp4", b"no video", None, "not_media"),
        ("b.jpg", None, None, "missing"),
        ("a.tar.gz", b"x", "frames", "archive"),
    ],
)
def test_what_cannot_be_measured_is_told_by_a_word(tmp_path, name, content, member, status):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError) as caught:
        file_features((str(tmp_path / name), member))
    assert caught.value.status == status
