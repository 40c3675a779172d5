"""Random numbers that are computed from keys, not drawn in turn: any of them costs the same, in any process.

Rounds of SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_ROUNDS: Final = 8
_MIX_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B: Final = np.uint64(0x94D049BB133111EB)


def uniform(indices: np.ndarray, *, key: Sequence[int]) -> np.ndarray:
    """One number in [0, 1) for each of ``indices`` (int64 [n]): float64 [n], the same whenever asked for.

    ``key`` are non-negative integers; other keys give other numbers.
    """
    first, second = _keys(key, 2)
    mixed = _mixed(_mixed(np.asarray(indices).astype(np.uint64) ^ first) + second)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permuted(positions: np.ndarray, size: int, *, key: Sequence[int]) -> np.ndarray:
    """Where the permutation of ``range(size)`` that ``key`` names sends ``positions``.

    A Feistel network on the next even power of two (at least 16), walked along its cycles until the value is below
    ``size`` (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).

    Args:
        positions: int64 [n] in [0, size).
        size: how many are permuted.
        key: non-negative integers; other keys, other permutations.
    Returns:
        int64 [n] in [0, size), all different if ``positions`` are.
    """
    half = np.uint64(max(((size - 1).bit_length() + 1) // 2, 2))
    mask = np.uint64((1 << int(half)) - 1)
    rounds = _keys(key, _ROUNDS)
    values = np.asarray(positions).astype(np.uint64)
    outside = np.arange(len(values))
    while len(outside):
        left, right = values[outside] >> half, values[outside] & mask
        for round_key in rounds:
            left, right = right, left ^ (_mixed(right ^ round_key) & mask)
        values[outside] = (left << half) | right
        outside = outside[values[outside] >= np.uint64(size)]
    return values.astype(np.int64)


def _keys(key: Sequence[int], count: int) -> np.ndarray:
    return np.random.SeedSequence(list(key)).generate_state(count, np.uint64)


def _mixed(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * _MIX_A
    values = (values ^ (values >> np.uint64(27))) * _MIX_B
    return values ^ (values >> np.uint64(31))
