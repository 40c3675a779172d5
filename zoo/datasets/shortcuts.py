"""Trivial properties of a raw file: if one tells real from fake, a detector may learn it instead of forgery."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from zoo.datasets.corpora.tree import IMAGE_SUFFIXES
from zoo.errors import MediaError
from zoo.media.audio import read_audio
from zoo.media.limits import DEFAULT_LIMITS
from zoo.media.pictures import UNREADABLE
from zoo.media.probe import MediaInfo, beyond, probe

TRIVIAL_FEATURES: Final[Mapping[str, str]] = {
    "file_size": "bytes",
    "duration": "seconds, as the container declares it",
    "bit_rate": "bits a second over the whole file",
    "loudness": "root mean square of the sound in decibels of full scale",
    "leading_silence": "seconds until the sound first comes within 40 dB of its peak",
}
"""What is measured of an audio-visual file, and in which unit."""

FILE_FEATURES: Final[Mapping[str, str]] = {
    **TRIVIAL_FEATURES,
    "trailing_silence": "seconds from when the sound was last within 40 dB of its peak",
    "has_audio": "1 with a stream of sound, 0 without",
    "audio_rate": "samples a second of the sound as it is stored",
    "fps": "frames a second over the whole file",
    "resolution": "pixels of a picture",
    "aspect_ratio": "width over height",
    "bits_per_pixel": "bits of a still picture's file for each of its pixels",
    "jpeg_quality": "quality from 1 to 100 whose quantisation comes nearest to a still JPEG's",
}
"""What is measured of any video or still picture, and in which unit."""

FILE_CATEGORIES: Final[Mapping[str, str]] = {
    "container": "format of the file",
    "video_codec": "codec of the pictures",
    "pixel_format": "chroma subsampling and depth, or the mode of a still picture",
    "audio_codec": "codec of the sound",
}
"""Properties of a file that have names for values."""

_RATE: Final = 16_000
_FRAME_S: Final = 0.01
_QUIET_DB: Final = 40.0
_MOST_STILL_BYTES: Final = 256 << 20
_STANDARD_LUMA: Final = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # the example table of the JPEG standard, which encoders scale by their quality


def trivial_features(path: str | os.PathLike, *, rate: int = _RATE) -> dict[str, float]:
    """The `TRIVIAL_FEATURES` of the audio-visual file at ``path``.

    Raises:
        MediaError: the file cannot be decoded or has no sound.
    """
    sound = read_audio(path, rate=rate).samples.astype(np.float64)
    found = {**_of_stream(probe(path), len(sound) / rate), **_of_sound(sound, rate)}
    return {name: found[name] for name in TRIVIAL_FEATURES}


def file_features(payload: tuple[str, str | None]) -> dict[str, float | str]:
    """The `FILE_FEATURES` and `FILE_CATEGORIES` that a record's file has; runs in a worker process.

    What a file does not have, such as the loudness of a silent one, is left out.

    Args:
        payload: path of a video or a still picture, and the folder inside the archive at this path or None.

    Raises:
        MediaError: the file cannot be opened or its sound cannot be decoded; ``status`` as in `zoo.media.probe.probe`
            and `zoo.media.audio.read_audio`, or ``bad_image``, or ``archive`` for a folder inside an archive, which
            has no file of its own.
    """
    path, member = payload
    if member is not None:
        raise MediaError(
            "Pictures inside an archive have no file of their own.",
            where=path,
            next_step="Unpack the archive and give the folder.",
            status="archive",
        )
    return _of_still(path) if Path(path).suffix.lower() in IMAGE_SUFFIXES else _of_video(path)


def jpeg_quality(table: object) -> float:
    """The quality from 1 to 100 at which scaling the standard's luminance table gives one nearest to ``table``.

    Args:
        table: the 64 steps of the first quantisation table, in any order.
    """
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    sums = np.clip((_STANDARD_LUMA.reshape(-1) * scale[:, None] + 50) // 100, 1, 255).sum(axis=1)
    return float(qualities[np.argmin(np.abs(sums - np.sum(np.asarray(table))))])


def _of_video(path: str) -> dict[str, float | str]:
    info = probe(path)
    found: dict[str, float | str] = {"has_audio": float(info.has_audio), "container": info.format}
    sound_s = None
    if info.has_audio:
        sound = read_audio(path, rate=_RATE).samples.astype(np.float64)
        sound_s = len(sound) / _RATE
        found |= _of_sound(sound, _RATE)
    found |= _of_stream(info, sound_s)
    numbers = {"audio_rate": info.audio_rate, "fps": info.fps}
    found |= {name: float(value) for name, value in numbers.items() if value}
    if info.width and info.height:
        found |= {"resolution": float(info.width * info.height), "aspect_ratio": info.width / info.height}
    names = {"video_codec": info.video_codec, "pixel_format": info.pixel_format, "audio_codec": info.audio_codec}
    return found | {name: value for name, value in names.items() if value}


def _of_still(path: str) -> dict[str, float | str]:
    try:
        size = Path(path).stat().st_size
        if size > _MOST_STILL_BYTES:
            raise beyond("too_large", f"The picture has {size:,} bytes", _MOST_STILL_BYTES, path)
        with Image.open(path) as picture:  # reads the header only
            width, height = picture.size
            if width * height > DEFAULT_LIMITS.max_pixels:
                raise beyond("too_large", f"The picture has {width} x {height} pixels", DEFAULT_LIMITS.max_pixels, path)
            form, mode, tables = picture.format, picture.mode, getattr(picture, "quantization", None)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        status = "missing" if isinstance(error, FileNotFoundError) else "bad_image"
        raise MediaError(f"The picture cannot be read: {error}.", where=path, status=status) from error
    found: dict[str, float | str] = {
        "file_size": float(size),
        "resolution": float(width * height),
        "aspect_ratio": width / height,
        "bits_per_pixel": 8.0 * size / (width * height),
        "container": str(form).lower(),
        "pixel_format": mode,
    }
    return found | ({"jpeg_quality": jpeg_quality(tables[0])} if tables and 0 in tables else {})


def _of_stream(info: MediaInfo, sound_s: float | None) -> dict[str, float]:
    """Size, duration and bit rate; the sound's duration where the container declares none."""
    duration = info.duration_s or sound_s
    if not duration:
        return {"file_size": float(info.file_bytes)}
    return {
        "file_size": float(info.file_bytes),
        "duration": duration,
        "bit_rate": 8.0 * info.file_bytes / duration,
    }


def _of_sound(sound: np.ndarray, rate: int) -> dict[str, float]:
    leading, trailing = _silences(sound, rate)
    return {
        "loudness": _decibels(np.sqrt(np.mean(sound**2))) if len(sound) else _decibels(0.0),
        "leading_silence": leading,
        "trailing_silence": trailing,
    }


def _silences(sound: np.ndarray, rate: int) -> tuple[float, float]:
    """Seconds before the first, and after the last, 10 ms frame whose level is within 40 dB of the loudest frame's."""
    size = int(_FRAME_S * rate)
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    level = np.sqrt(np.mean(frames**2, axis=1))
    if not level.size or level.max() == 0:
        return len(sound) / rate, len(sound) / rate
    heard = level >= level.max() * 10 ** (-_QUIET_DB / 20)
    return float(np.argmax(heard) * _FRAME_S), float(np.argmax(heard[::-1]) * _FRAME_S)


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-6)))
