"""The frames of a video gone through more than once, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from zoo.media.ledger import DecodeLedger

PIECE_FRAMES: Final = 64
_PIECE_BYTES: Final = 24 << 20


class FramePasses:
    """Frames in pieces of one picture size: kept if they fit, else decoded again for each pass.

    Args:
        decode: starts a decoding: given a ledger to fill, it yields (time in seconds, uint8 [h, w, 3] RGB).
        kept_bytes: frames that need more are not kept.
    """

    def __init__(self, decode: Callable[[DecodeLedger], Iterator[tuple[float, np.ndarray]]], *, kept_bytes: int):
        self.ledger = DecodeLedger()
        self._decode = decode
        self._kept_bytes = kept_bytes
        self._kept: list[tuple[np.ndarray, np.ndarray]] | None = None

    def pieces(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(frames uint8 [n, h, w, 3], times float64 [n]) in order; ``ledger`` tells of the last whole decoding."""
        if self._kept is not None:
            yield from self._kept
            return
        ledger = DecodeLedger()
        kept: list[tuple[np.ndarray, np.ndarray]] | None = []
        size = 0
        for piece in self._pieces(ledger):
            size += piece[0].nbytes
            kept = None if kept is None or size > self._kept_bytes else [*kept, piece]
            yield piece
        self._kept, self.ledger = kept, ledger

    def _pieces(self, ledger: DecodeLedger) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        frames: list[np.ndarray] = []
        times: list[float] = []
        for time, frame in self._decode(ledger):
            most = max(1, min(PIECE_FRAMES, _PIECE_BYTES // frame.nbytes))
            if frames and (len(frames) >= most or frame.shape != frames[0].shape):
                yield np.stack(frames), np.array(times)
                frames, times = [], []
            frames.append(frame)
            times.append(time)
        if frames:
            yield np.stack(frames), np.array(times)
