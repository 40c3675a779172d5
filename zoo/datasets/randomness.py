"""Random numbers that are computed from keys, not drawn in turn: any of them costs the same, in any process.

Single numbers are two rounds of SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", 2014); orders are permutations of which any part can be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from typing import Final

import numpy as np

_ROUNDS: Final = 3  # with two, differences of neighbours repeat too often
_TABLE: Final = 1 << 14
_MIX_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B: Final = np.uint64(0x94D049BB133111EB)


def uniform(indices: np.ndarray, *, key: Sequence[int]) -> np.ndarray:
    """One number in [0, 1) for each of ``indices`` (int64 [n]): float64 [n], the same whenever asked for.

    ``key`` are non-negative integers; other keys give other numbers.
    """
    first, second = _keys(key, 2)
    mixed = _mixed(_mixed(np.asarray(indices).astype(np.uint64) ^ first) + second)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Permutation:
    """The permutation of ``range(size)`` that ``key`` names, any part of which can be asked for.

    Up to 16,384 it is a shuffled table. Above, positions are cells of a grid just large enough, whose rows are rotated
    by random steps and then its columns, thrice: a Feistel network (Luby and Rackoff, "How to construct pseudorandom
    permutations from pseudorandom functions", 1988) whose round functions are tables of ``size ** 0.5`` steps. What
    leaves the range is sent on until it is back (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).

    Args:
        size: how many are permuted, at most 2**62.
        key: non-negative integers; other keys, other permutations.
    """

    def __init__(self, size: int, *, key: Sequence[int]):
        self.size = size
        rng = np.random.default_rng(list(key))
        self._table = rng.permutation(size) if size <= _TABLE else None
        if self._table is None:
            heights = isqrt(size - 1) + 1 + np.arange(256)
            height = int(heights[np.argmin(-size % heights)])  # that leaves the fewest places out of range
            width = -(-size // height)
            self._height, self._width = np.uint32(height), np.uint32(width)
            self._kind = np.uint32 if height * width < 2**32 else np.uint64
            self._steps = [
                (rng.integers(width, size=height, dtype=np.uint32), rng.integers(height, size=width, dtype=np.uint32))
                for _ in range(_ROUNDS)
            ]

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Where ``positions`` (int64 [n] in [0, size)) are sent: int64 [n], all different if they are."""
        if self._table is not None:
            return self._table[positions]
        values = self._pass(np.asarray(positions))
        outside = np.flatnonzero(values >= self.size)
        while len(outside):
            values[outside] = self._pass(values[outside])
            outside = outside[values[outside] >= self.size]
        return values.astype(np.int64)

    def _pass(self, positions: np.ndarray) -> np.ndarray:
        positions = positions.astype(self._kind)
        rows = positions // self._width
        columns = (positions - rows * self._width).astype(np.uint32, copy=False)
        rows = rows.astype(np.uint32, copy=False)
        for across, down in self._steps:
            columns += across.take(rows)
            np.minimum(columns, columns - self._width, out=columns)  # modulo: a difference below 0 is huge
            rows += down.take(columns)
            np.minimum(rows, rows - self._height, out=rows)
        rows = rows.astype(self._kind, copy=False)
        rows *= self._width
        rows += columns
        return rows


class Laps:
    """Walks through ``range(size)`` again and again, each lap in another order.

    It keeps the order of the lap it was last asked for (of several, where they are short).

    Args:
        size: turns of a lap.
        key: non-negative integers.
    """

    def __init__(self, size: int, *, key: Sequence[int]):
        self.size = size
        self._key = list(key)
        self._together = max(1, _TABLE // 4 // size)  # laps
        self._span = -1
        self._order: Callable[[np.ndarray], np.ndarray]

    def __call__(self, turns: np.ndarray) -> np.ndarray:
        """What is met at ``turns`` (int64 [n], rising, from 0 on): int64 [n] in [0, size)."""
        if not len(turns):
            return np.empty(0, np.int64)
        length = self.size * self._together
        spans = range(int(turns[0]) // length, int(turns[-1]) // length + 1)
        parts = np.split(turns, np.searchsorted(turns, np.array(spans[1:]) * length)) if len(spans) > 1 else [turns]
        met = [self._order_of(span)(part - span * length) for span, part in zip(spans, parts, strict=True)]
        return met[0] if len(met) == 1 else np.concatenate(met)

    def _order_of(self, span: int) -> Callable[[np.ndarray], np.ndarray]:
        if span != self._span:
            key = [*self._key, span]
            if self._together > 1:
                laps = np.tile(np.arange(self.size), (self._together, 1))
                self._order = np.random.default_rng(key).permuted(laps, axis=1).reshape(-1).take
            else:
                self._order = Permutation(self.size, key=key)
            self._span = span
        return self._order


def _keys(key: Sequence[int], count: int) -> np.ndarray:
    return np.random.SeedSequence(list(key)).generate_state(count, np.uint64)


def _mixed(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * _MIX_A
    values = (values ^ (values >> np.uint64(27))) * _MIX_B
    return values ^ (values >> np.uint64(31))
