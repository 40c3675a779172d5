"""Trivial properties of a video file: if one tells real from fake, a detector may learn it instead of forgery."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import numpy as np

from zoo.media.audio import read_audio
from zoo.media.probe import probe

TRIVIAL_FEATURES: Final[Mapping[str, str]] = {
    "file_size": "bytes",
    "duration": "seconds, as the container declares it",
    "bit_rate": "bits a second over the whole file",
    "loudness": "root mean square of the sound in decibels of full scale",
    "leading_silence": "seconds until the sound first comes within 40 dB of its peak",
}
"""What is measured, and in which unit."""

_FRAME_S: Final = 0.01
_QUIET_DB: Final = 40.0


def trivial_features(path: str | os.PathLike, *, rate: int = 16_000) -> dict[str, float]:
    """The `TRIVIAL_FEATURES` of the audio-visual file at ``path``.

    Raises:
        MediaError: the file cannot be decoded or has no sound.
    """
    info = probe(path)
    sound = read_audio(path, rate=rate).samples.astype(np.float64)
    duration = info.duration_s or len(sound) / rate
    return {
        "file_size": float(info.file_bytes),
        "duration": duration,
        "bit_rate": 8.0 * info.file_bytes / duration,
        "loudness": _decibels(np.sqrt(np.mean(sound**2))),
        "leading_silence": _leading_silence(sound, rate),
    }


def _leading_silence(sound: np.ndarray, rate: int) -> float:
    """The time of the first 10 ms frame whose level is within 40 dB of the loudest frame's."""
    size = int(_FRAME_S * rate)
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    level = np.sqrt(np.mean(frames**2, axis=1))
    if not level.size or level.max() == 0:
        return len(sound) / rate
    return float(np.argmax(level >= level.max() * 10 ** (-_QUIET_DB / 20)) * _FRAME_S)


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-6)))
