"""The features of a video of any length, window after window, in memory that does not grow with it.

`zoo.features.extractor.Extractor.extract` keeps the features and the sound of a whole clip; here only those of a piece
of some seconds are held, beside the face's track and a few numbers a frame.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zoo.errors import MediaError
from zoo.features.embedder import sounding
from zoo.features.extractor import Extractor
from zoo.media.audio import iter_audio
from zoo.media.ledger import DecodeLedger

PIECE_S: Final = 60.0
ENVELOPE_S: Final = 0.02
"""Seconds of sound a value of `LongVideo.envelope`."""
_CONTEXT_S: Final = 1.5  # of sound around a piece that its rows may look at


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFeatures:
    """Features of ``n`` neighbouring frames: ``visual`` and ``audio`` float32 [n, dim], and masks bool [n]."""

    visual: np.ndarray
    audio: np.ndarray
    visual_mask: np.ndarray
    audio_mask: np.ndarray


class LongVideo:
    """One video, whose windows are read once and in order.

    The features are those of `Extractor.extract`, but what an embedder does to all rows of a clip together it does to
    those of a piece: whole windows of together at least ``piece_s``. A video shorter than one and a half pieces is one
    piece, and its features are those of the undivided clip.

    Opening it follows the face through the whole video; reading decodes it again.

    Args:
        path: the video.
        extractor: of the features.
        piece_s: seconds of a piece.

    Attributes:
        track: the face, one row a frame.
        times: float64 [t], seconds of the frames.
        audio_status: ``ok``, or why there is no sound or none any more; final after `finish`.

    Raises:
        MediaError: the video cannot be decoded.
    """

    def __init__(self, path: str | os.PathLike, extractor: Extractor, *, piece_s: float = PIECE_S):
        self.extractor = extractor
        self.piece_s = piece_s
        self._clip = extractor.open(path)
        self.track = extractor.follow(self._clip)
        self.times = np.asarray(self.track.times, np.float64)
        self._rows = _Rows(extractor.described(self._clip, self.track), extractor.visual.dim)
        self._sound = _Sound(path, extractor)
        self._pieces: list[tuple[int, int]] = []
        self._now: tuple[int, int] | None = None
        self._features: WindowFeatures | None = None

    @property
    def audio_status(self) -> str:
        return self._sound.status

    def plan(self, windows: Sequence[tuple[int, int]]) -> None:
        """Say which windows are going to be read: first frame and one past the last, in order."""
        self._pieces = pieces_of(windows, self.times, piece_s=self.piece_s)

    def read(self, first: int, stop: int) -> WindowFeatures:
        """The features of frames ``first`` to ``stop``, one of the windows that `plan` was told, in their order.

        Raises:
            MediaError: the video cannot be decoded any more.
        """
        while self._now is None or stop > self._now[1]:
            self._now = self._pieces.pop(0)
            self._features = None
        if self._features is None:
            self._features = self._piece(*self._now)
        part = slice(first - self._now[0], stop - self._now[0])
        found = self._features
        return WindowFeatures(
            visual=found.visual[part],
            audio=found.audio[part],
            visual_mask=found.visual_mask[part],
            audio_mask=found.audio_mask[part],
        )

    def finish(self) -> dict:
        """Read what is left of the sound, and tell what all is based on, as ``Features.ledger``."""
        self._sound.drain()
        seen = np.asarray(self.track.mask)
        return {
            "video": self._clip.ledger.to_dict(),
            "audio": None if self._sound.empty else self._sound.ledger.to_dict(),
            "audio_status": self._sound.status,
            "frames": len(seen),
            "frames_with_face": int(seen.sum()),
        }

    def envelope(self) -> np.ndarray:
        """float32 [n] in [0, 1]: the largest amplitude of every `ENVELOPE_S` seconds of sound read so far."""
        return np.concatenate([np.zeros(0, np.float32), *self._sound.peaks])

    def _piece(self, first: int, stop: int) -> WindowFeatures:
        seen = np.asarray(self.track.mask)[first:stop]
        visual = self._rows.read(first, stop)
        if seen.any():
            visual[seen] = self.extractor.visual.standardise(visual[seen])
        audio, audio_mask = self._sound.embed(self.times[first:stop])
        return WindowFeatures(visual=visual, audio=audio, visual_mask=seen, audio_mask=audio_mask)


def pieces_of(windows: Sequence[tuple[int, int]], times: np.ndarray, *, piece_s: float) -> list[tuple[int, int]]:
    """Frames of runs of ``windows`` that are each at least ``piece_s`` long; what is left over joins the last.

    Args:
        windows: first frame and one past the last of each, in order.
        times: seconds [t] of all frames.
        piece_s: seconds.
    """
    pieces: list[tuple[int, int]] = []
    begin = 0
    for index, (_, stop) in enumerate(windows):
        first = windows[begin][0]
        rest = times[windows[-1][1] - 1] - times[min(stop, len(times) - 1)]
        full = times[stop - 1] - times[first] >= piece_s and rest >= piece_s / 2
        if full or index == len(windows) - 1:
            pieces.append((first, stop))
            begin = index + 1
    return pieces


class _Rows:
    """Rows that come in pieces, of which those from some row on are kept."""

    def __init__(self, pieces: Iterator[np.ndarray], dim: int):
        self._pieces = pieces
        self._kept = np.zeros((0, dim), np.float32)
        self._begin = 0

    def read(self, first: int, stop: int) -> np.ndarray:
        """A copy of rows ``first`` to ``stop``; those before ``first`` are forgotten.

        Raises:
            MediaError: the pieces end before ``stop``.
        """
        parts, end = [self._kept], self._begin + len(self._kept)
        while end < stop:
            piece = next(self._pieces, None)
            if piece is None:
                raise MediaError(
                    f"The video gave {end:,} frames when it was read again, and more before.",
                    next_step="See that nothing changes the file meanwhile.",
                    status="decode_error",
                )
            parts.append(piece)
            end += len(piece)
        rows = np.concatenate(parts)
        self._kept, self._begin = rows[first - self._begin :], first
        return self._kept[: stop - first].copy()


class _Sound:
    """The sound of a video, of which what lies around a piece is kept."""

    def __init__(self, path: str | os.PathLike, extractor: Extractor):
        self.embedder, self.rate = extractor.audio, extractor.audio_rate
        self.ledger = DecodeLedger()
        self.status = "ok"
        self.peaks: list[np.ndarray] = []
        self._blocks = iter_audio(path, rate=self.rate, limits=extractor.limits, ledger=self.ledger)
        self._kept = np.zeros(0, np.float32)
        self._begin = 0  # number of the first sample kept
        self._pending = np.zeros(0, np.float32)

    @property
    def empty(self) -> bool:
        """Whether there has been no sound at all."""
        return self._begin + len(self._kept) == 0

    def embed(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The features [n, dim] at ``times`` [n], seconds, and whether there is sound; earlier sound is forgotten."""
        first = max(0, round((times[0] - _CONTEXT_S) * self.rate))
        stop = round((times[-1] + _CONTEXT_S) * self.rate)
        parts, end = [self._kept], self._begin + len(self._kept)
        while end < stop and (block := self._next()) is not None:
            parts.append(block)
            end += len(block)
        samples = np.concatenate(parts)
        drop = min(max(first - self._begin, 0), len(samples))
        self._kept, self._begin = samples[drop:], self._begin + drop
        after_start = times - self._begin / self.rate
        heard = sounding(after_start, len(self._kept), self.rate)
        if not heard.any():
            return np.zeros((len(times), self.embedder.dim), np.float32), heard
        return self.embedder.embed(self._kept[: stop - self._begin], self.rate, after_start), heard

    def drain(self) -> None:
        """Read to the end, keeping nothing."""
        while (block := self._next()) is not None:
            self._begin += len(self._kept)
            self._kept = block

    def _next(self) -> np.ndarray | None:
        try:
            block = next(self._blocks, None)
        except MediaError as error:
            self.status = error.status
            return None
        if block is not None:
            self._measure(block)
        return block

    def _measure(self, block: np.ndarray) -> None:
        size = round(ENVELOPE_S * self.rate)
        pending = np.concatenate([self._pending, block])
        whole = len(pending) // size * size
        self.peaks.append(np.abs(pending[:whole]).reshape(-1, size).max(axis=1))
        self._pending = pending[whole:]
