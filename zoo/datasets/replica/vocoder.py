"""What a vocoder leaves of speech: the traces of a generated voice, without a generator.

A text-to-speech system draws a coarse mel spectrogram, from which a vocoder makes a sound: the fine structure between
mel bands is gone at high frequencies, and nothing of the room of the recording is there.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from zoo.datasets.replica.speech import RATE

_BANDS: Final = 40
_WINDOW: Final = 512
_HOP: Final = 128
_LOW_HZ: Final = 60.0


def revoice(sound: np.ndarray) -> np.ndarray:
    """``sound`` (float32 mono [n] at ``RATE``) as a vocoder gives it back: of the same length, in time with it.

    Each short-time spectrum keeps its phases; its magnitudes are replaced by what 40 mel bands tell of them.
    """
    padded = np.pad(sound, (_WINDOW, 2 * _WINDOW))
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * hann
    spectra = np.fft.rfft(windows, axis=1)
    magnitude = np.abs(spectra)
    bands = _bands(spectra.shape[1])
    coarse = magnitude @ bands.T @ (bands / np.maximum(bands.sum(axis=0), 1e-6))
    pieces = np.fft.irfft(spectra * coarse / np.maximum(magnitude, 1e-9), _WINDOW, axis=1) * hann
    result = np.zeros(len(padded))
    for index, piece in enumerate(pieces):
        result[index * _HOP : index * _HOP + _WINDOW] += piece
    return (result[_WINDOW : _WINDOW + len(sound)] / 1.5).astype(np.float32)  # Hann squared, three quarters overlapped


def _bands(bins: int) -> np.ndarray:
    """Triangular mel bands float64 [_BANDS, bins], each of unit sum."""
    frequency = np.linspace(0, RATE / 2, bins)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOW_HZ, RATE / 2))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    rising = (frequency - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequency) / (edges[2:] - edges[1:-1])[:, None]
    bands = np.clip(np.minimum(rising, falling), 0, None) + 1e-6
    return bands / bands.sum(axis=1, keepdims=True)
