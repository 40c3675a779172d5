"""Log-mel bands at eight instants of every video frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import fft, sparse

from zoo.features.embedder import AudioEmbedder, sounding

_CHUNK = 4096  # windows transformed at a time: bounds the memory


class LogMel(AudioEmbedder):
    """64 mel bands x 8 instants = 512 a video frame.

    The instants of a frame divide its period evenly around the frame's time, so that the whole sound is seen once
    whatever the frame rate. Power is put on a logarithmic scale, floored relative to the loudest instant of the clip,
    and normalised over the clip: the mean of each band is taken away, one standard deviation divides all. Loudness
    and the microphone's colour vanish, the envelope stays.

    Args:
        bands: mel bands; bands x instants is 512.
        instants: a video frame.
        window_s: length of the Hann window, seconds.
        low_hz, high_hz: range of the bands; cut at half the sampling rate.
        range_db: the floor lies this far below the loudest band of the clip.
    """

    def __init__(
        self,
        *,
        bands: int = 64,
        instants: int = 8,
        window_s: float = 0.025,
        low_hz: float = 60.0,
        high_hz: float = 7600.0,
        range_db: float = 80.0,
    ):
        if bands * instants != self.dim:
            raise ValueError(f"bands x instants must be {self.dim}, not {bands} x {instants}")
        self.bands = bands
        self.instants = instants
        self.window_s = window_s
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.range_db = range_db

    def arguments(self) -> Mapping[str, Any]:
        return dict(vars(self))

    def embed(self, samples: np.ndarray, rate: int, times: np.ndarray) -> np.ndarray:
        out = np.zeros((len(times), self.dim), np.float32)
        heard = sounding(times, len(samples), rate)
        if heard.any():
            power = self._power(samples, rate, times[heard])
            floor = power.max() * 10 ** (-self.range_db / 10)
            if floor > 0:  # not plain silence
                level = np.log10(np.maximum(power, floor))
                level -= level.mean(axis=0)
                spread = float(level.std())
                out[heard] = level.reshape(-1, self.dim) / max(spread, 1e-3)
        return out

    def _power(self, samples: np.ndarray, rate: int, times: np.ndarray) -> np.ndarray:
        """Band powers float32 [t * instants, bands]."""
        period = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
        offsets = ((np.arange(self.instants) + 0.5) / self.instants - 0.5) * period
        centers = np.rint((times[:, None] + offsets) * rate).astype(np.int64).ravel()
        length = round(self.window_s * rate)
        size = fft.next_fast_len(2 * length, real=True)
        padded = np.pad(samples.astype(np.float32, copy=False), length)
        starts = np.clip(centers + length - length // 2, 0, len(padded) - length)
        windows = np.lib.stride_tricks.sliding_window_view(padded, length)
        hann = np.hanning(length + 2)[1:-1].astype(np.float32)
        filters = mel_filters(self.bands, size, rate, self.low_hz, min(self.high_hz, rate / 2))
        sums = sparse.csr_array(filters.T)  # no BLAS: its rounding changes with the number of threads
        out = np.empty((len(starts), self.bands), np.float32)
        for first in range(0, len(starts), _CHUNK):
            rows = slice(first, first + _CHUNK)
            spectrum = fft.rfft(windows[starts[rows]] * hann, n=size, axis=1)
            out[rows] = (sums @ (spectrum.real**2 + spectrum.imag**2).T).T
        return out


def mel_filters(bands: int, size: int, rate: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Triangular filters float32 [size // 2 + 1, bands] on O'Shaughnessy's mel scale, each with unit sum.

    Args:
        bands: how many.
        size: length of the Fourier transform.
        rate: samples a second.
        low_hz, high_hz: outer edges of the first and the last filter.
    """
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    edges = _hertz(np.linspace(_mel(low_hz), _mel(high_hz), bands + 2))
    rising = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0, None)
    return (filters / np.maximum(filters.sum(axis=0), 1e-9)).astype(np.float32)


def _mel(hertz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hertz / 700.0))


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
