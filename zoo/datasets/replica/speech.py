"""Speech-like sound by source and filter, and the mouth movement that belongs to a piece of sound.

The synthesiser follows the classic source-filter model (Fant, "Acoustic Theory of Speech Production", 1960): a pulse
train or noise is shaped by formant resonances that glide from syllable to syllable. It says nothing; it has the rhythm,
pauses and spectra that matter to audio-visual synchrony.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d

RATE: Final = 16_000
"""Samples a second of every sound in a replica."""

_HOP: Final = 80  # 5 ms, the rate of the control tracks
_WINDOW: Final = 320
_FFT: Final = 512

# First three formants in Hz of /i e a o u ə/, adult averages after Peterson and Barney (1952).
_VOWELS: Final = np.array(
    [[300, 2250, 3000], [530, 1850, 2500], [730, 1200, 2450], [560, 850, 2400], [320, 800, 2250], [500, 1400, 2450]],
    dtype=np.float32,
)
_VOWEL_LEVEL: Final = np.array([0.45, 0.75, 1.0, 0.8, 0.4, 0.6], dtype=np.float32)
_BANDWIDTHS: Final = np.array([70, 100, 140], dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A speaker: mean pitch in Hz, relative formant frequency, share of breath in [0, 1] and syllables a second."""

    pitch_hz: float
    formant_scale: float
    breath: float
    tempo_hz: float

    @classmethod
    def draw(cls, rng: Generator) -> Voice:
        pitch = float(rng.uniform(95, 235))
        return cls(
            pitch_hz=pitch,
            formant_scale=float(0.88 + 0.0012 * (pitch - 95) + rng.uniform(-0.05, 0.05)),
            breath=float(rng.uniform(0.02, 0.10)),
            tempo_hz=float(rng.uniform(4.0, 5.6)),
        )


def synthesise_speech(voice: Voice, *, duration_s: float, rng: Generator) -> np.ndarray:
    """Speech-like sound: float32 [round(duration_s * RATE)], mono, peak below 1.

    The piece is cut out of a running stream of syllables and pauses, so it may start anywhere in a word.
    """
    samples = round(duration_s * RATE)
    frames = samples // _HOP + 2 * _WINDOW // _HOP
    level, fricative, formants, pitch = _control_tracks(voice, frames=frames, rng=rng)
    length = frames * _HOP
    phase = np.cumsum(np.repeat(pitch, _HOP)) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0).astype(np.float32) * np.sqrt(RATE / voice.pitch_hz)
    noise = rng.standard_normal(length, dtype=np.float32)
    vowels = _filter(pulses + voice.breath * noise, _resonances(formants) * level[:, None])
    hiss = _filter(noise, _fricative_band() * fricative[:, None])
    sound = (vowels + hiss)[_WINDOW : _WINDOW + samples]
    return (0.9 * sound / max(float(np.abs(sound).max()), 1e-6)).astype(np.float32)


def mouth_motion(sound: np.ndarray, *, frames: int, fps: float) -> np.ndarray:
    """How the mouth moves to ``sound`` (float32 mono [n] at ``RATE``, clean).

    Returns:
        float32 [frames, 2]: opening in [0, 1] after the loudness, and spread in [-1, 1] after the balance of the bands
        above and below 1.2 kHz (rounded lips darken the sound), at the middle of every frame.
    """
    spectra = np.abs(_spectra(sound)) ** 2
    frequency = np.fft.rfftfreq(_FFT, 1 / RATE)
    low = spectra[:, (frequency > 120) & (frequency <= 1200)].sum(1)
    high = spectra[:, (frequency > 1200) & (frequency <= 4000)].sum(1)
    loudness = gaussian_filter1d(np.sqrt(low + high), 5)
    loudness /= max(float(np.percentile(loudness, 95)), 1e-6)
    opening = np.clip(loudness, 0, 1) ** 0.8
    balance = gaussian_filter1d(np.log10(high + 1e-3) - np.log10(low + 1e-3), 6)
    spread = np.tanh(1.2 * (balance + 0.9)) * np.clip(2.5 * loudness, 0, 1)
    centres = np.arange(len(spectra)) * _HOP / RATE
    times = (np.arange(frames) + 0.5) / fps
    return np.stack([np.interp(times, centres, opening), np.interp(times, centres, spread)], 1).astype(np.float32)


def add_noise(sound: np.ndarray, *, snr_db: float, rng: Generator) -> np.ndarray:
    """``sound`` with coloured noise (between white and pink) at ``snr_db`` below its mean power."""
    spectrum = np.fft.rfft(rng.standard_normal(len(sound)))
    colour = rng.uniform(0.0, 0.5)
    noise = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 20.0) ** colour, len(sound))
    gain = np.sqrt(np.mean(np.square(sound)) / max(float(np.mean(np.square(noise))), 1e-12)) * 10 ** (-snr_db / 20)
    return (sound + gain * noise).astype(np.float32)


def set_loudness(sound: np.ndarray, *, rms_db: float = -23.0, peak: float = 0.97) -> np.ndarray:
    """``sound`` at ``rms_db`` dB of full scale; peaks above ``peak`` are bent softly, not clipped."""
    scaled = sound * (10 ** (rms_db / 20) / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-6))
    return (peak * np.tanh(scaled / peak)).astype(np.float32)


def _control_tracks(voice: Voice, *, frames: int, rng: Generator) -> tuple[np.ndarray, ...]:
    """Level [frames], fricative level [frames], formants in Hz [frames, 3] and pitch in Hz [frames], 5 ms apart."""
    level = np.zeros(frames, np.float32)
    fricative = np.zeros(frames, np.float32)
    formants = np.tile(_VOWELS[5], (frames, 1))
    accent = np.zeros(frames, np.float32)
    position = -int(rng.integers(0, 160))
    while position < frames:
        for _ in range(int(rng.integers(3, 9))):
            length = int(RATE / _HOP / voice.tempo_hz * rng.uniform(0.65, 1.5))
            vowel = int(rng.integers(len(_VOWELS)))
            stress = rng.uniform(0.45, 1.0)
            onset = int(length * rng.uniform(0.15, 0.35))
            begin, end = max(position, 0), min(position + length, frames)
            if begin < end:
                time = np.arange(begin, end) - position
                formants[begin:end] = _VOWELS[vowel]
                voiced = np.clip((time - onset * 0.6) / max(onset * 0.6, 1), 0, 1) * np.clip((length - time) / 7, 0, 1)
                hump = 0.6 + 0.4 * np.sin(np.pi * time / length)
                level[begin:end] = stress * _VOWEL_LEVEL[vowel] * voiced * hump
                if rng.random() < 0.45:
                    fricative[begin:end] = rng.uniform(0.1, 0.3) * (time < onset)
                accent[begin:end] = stress
            position += length
        position += int(RATE / _HOP * rng.uniform(0.15, 0.55))
    glide = gaussian_filter1d(formants, 5, axis=0) * voice.formant_scale
    drift = gaussian_filter1d(rng.standard_normal(frames), 60, mode="wrap") * 6
    pitch = voice.pitch_hz * 2 ** (0.18 * drift + 0.12 * gaussian_filter1d(accent, 12))
    return gaussian_filter1d(level, 1.5), gaussian_filter1d(fricative, 2), glide, pitch


def _resonances(formants: np.ndarray) -> np.ndarray:
    """Magnitude responses [frames, bins] of the vocal tract: parallel resonances on a falling source spectrum."""
    frequency = np.fft.rfftfreq(_FFT, 1 / RATE).astype(np.float32)
    response = np.full((len(formants), len(frequency)), 0.004, np.float32)
    for index, (bandwidth, gain) in enumerate(zip(_BANDWIDTHS, (1.0, 0.6, 0.35), strict=True)):
        response += gain / (1 + np.square((frequency - formants[:, index : index + 1]) / bandwidth))
    return response / np.sqrt(1 + np.square(frequency / 900.0)) * (frequency > 60)


def _fricative_band() -> np.ndarray:
    frequency = np.fft.rfftfreq(_FFT, 1 / RATE).astype(np.float32)
    return 0.25 / (1 + np.square((frequency - 4800) / 1600))


def _spectra(sound: np.ndarray) -> np.ndarray:
    """Spectra [frames, bins] of Hann windows centred 5 ms apart, the first on sample 0."""
    padded = np.pad(sound, (_WINDOW // 2, _WINDOW // 2 + _HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][: len(sound) // _HOP + 1]
    return np.fft.rfft(windows * np.hanning(_WINDOW + 1)[:-1].astype(np.float32), _FFT)


def _filter(source: np.ndarray, response: np.ndarray) -> np.ndarray:
    """``source`` shaped by one magnitude response a hop, by overlap-add."""
    spectra = _spectra(source)[: len(response)]
    pieces = np.fft.irfft(spectra * response[: len(spectra)], _FFT)
    # A Hann window a quarter overlapped sums to 2 and needs no second window; the filter's tail is left to ring.
    pieces = np.roll(pieces, _FFT // 2 - _WINDOW // 2, axis=1)
    result = np.zeros(len(spectra) * _HOP + _FFT)
    for offset in range(0, _FFT, _HOP):
        width = min(_HOP, _FFT - offset)
        block = np.zeros((len(spectra), _HOP))
        block[:, :width] = pieces[:, offset : offset + width]
        result[offset : offset + len(spectra) * _HOP] += block.ravel()
    return (result[_FFT // 2 : _FFT // 2 + len(source)] / 2).astype(np.float32)
