"""Recorded speech for a replica, in place of the synthesised."""

from __future__ import annotations

import warnings
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator
from scipy.io import wavfile
from scipy.signal import resample_poly

from zoo.datasets.replica.speech import RATE
from zoo.errors import DataError

_LONGEST_S: Final = 600.0
_TRIES: Final = 40


@lru_cache(maxsize=4)
def read_recordings(folder: Path) -> dict[str, np.ndarray]:
    """Every speaker's WAV files end to end: name to float32 mono at ``RATE``, at most ten minutes each.

    A speaker is a subfolder of ``folder``; files that lie directly in it make up one more speaker.

    Raises:
        DataError: no such folder, no WAV file in it, or one that cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".wav") if folder.is_dir() else []
    if not paths:
        raise DataError(
            "No WAV files found." if folder.is_dir() else "The folder of recordings does not exist.",
            where=folder,
            next_step="Give a folder with .wav files, one subfolder a speaker, or leave --speech out.",
        )
    speakers: dict[str, list[np.ndarray]] = {}
    for path in paths:
        speakers.setdefault(path.parent.relative_to(folder).as_posix(), []).append(_read(path))
    return {name: np.concatenate(pieces)[: int(_LONGEST_S * RATE)] for name, pieces in speakers.items()}


def cut_speech(recording: np.ndarray, *, duration_s: float, rng: Generator) -> np.ndarray:
    """A stretch of ``recording`` from a random place where somebody speaks at least half of the time; the recording
    is repeated if it is too short. float32 [round(duration_s * RATE)]."""
    samples = round(duration_s * RATE)
    recording = np.tile(recording, -(-(samples + RATE) // len(recording)))
    block = RATE // 50
    loudness = np.sqrt(np.square(recording[: len(recording) // block * block]).reshape(-1, block).mean(1))
    active = loudness > 0.1 * np.percentile(loudness, 95)
    best, best_share = 0, -1.0
    for start in rng.integers(0, len(recording) - samples, _TRIES):
        share = float(active[start // block : (start + samples) // block].mean())
        if share > best_share:
            best, best_share = int(start), share
        if share >= 0.5:
            break
    return recording[best : best + samples]


def _read(path: Path) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks beside the sound do not matter
            rate, samples = wavfile.read(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"Cannot read the recording: {error}.", where=path, next_step="Mend or remove the file; PCM WAV is read."
        ) from error
    if samples.size == 0:
        raise DataError("The recording is empty.", where=path, next_step="Remove the file.")
    samples = samples.astype(np.float32) - 128 if samples.dtype == np.uint8 else samples.astype(np.float32)
    mono = samples.reshape(len(samples), -1).mean(1)
    common = gcd(rate, RATE)
    mono = resample_poly(mono, RATE // common, rate // common).astype(np.float32)
    return mono * np.float32(0.1 / max(float(np.sqrt(np.mean(np.square(mono)))), 1e-6))
