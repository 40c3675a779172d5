"""How alike two pictures look: 64-bit perceptual hashes and their distance."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from scipy.fft import dctn

_SIDE: Final = 32  # pixels to which a picture is shrunk before its frequencies are taken
_KEPT: Final = 8  # lowest frequencies along each axis: 64 bits
_BATCH: Final = 1024  # pictures transformed at a time


def perceptual_hash(crops: np.ndarray) -> np.ndarray:
    """What ``imagehash.phash`` gives, up to pixels rounded otherwise, for many pictures at once.

    A picture is made grey and shrunk to 32 x 32; bits tell which of its 8 x 8 lowest DCT frequencies exceed their
    median, line by line, the first being the highest bit. Recompression and scaling flip few bits.

    Args:
        crops: uint8 [n, h, w, 3], RGB.
    Returns:
        uint64 [n].
    """
    small = np.empty((len(crops), _SIDE, _SIDE), np.float32)
    for row, crop in enumerate(crops):
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        small[row] = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    bits = np.empty((len(crops), _KEPT * _KEPT), bool)
    for start in range(0, len(crops), _BATCH):
        waves = dctn(small[start : start + _BATCH], axes=(1, 2))[:, :_KEPT, :_KEPT].reshape(-1, _KEPT * _KEPT)
        bits[start : start + _BATCH] = waves > np.median(waves, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def hash_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How many of 64 bits differ, in [0, 64]: int [...], with uint64 [...] and uint64 [...] broadcast to each other.

    Below about 10 two pictures are near duplicates.
    """
    differing = np.bitwise_xor(np.asarray(first, np.uint64), np.asarray(second, np.uint64))
    if hasattr(np, "bitwise_count"):  # numpy 2, some 30 times faster
        return np.bitwise_count(differing).astype(np.int64)
    return _ONES[np.ascontiguousarray(differing)[..., None].view(np.uint8)].sum(axis=-1, dtype=np.int64)


_ONES: Final = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
