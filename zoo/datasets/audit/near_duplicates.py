"""Pairs of alike hashes across groups, without comparing all with all.

Two 64-bit hashes that differ in at most d bits agree wholly in at least two of d + 2 bands of bits (the pigeonhole
principle, as in multi-index hashing: Norouzi et al., "Fast exact search in Hamming space with multi-index hashing",
2014). So, for every two bands, hashes are sorted by the bits of both, and only those with equal bits are compared:
exact, and with 10^6 hashes some 20 comparisons a hash rather than 10^6. Two bands select so much better than the one
that d + 1 bands would guarantee that crowded bits, as faces have, do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Final

import numpy as np

from zoo.errors import ConfigError
from zoo.faces.likeness import hash_distance

MOST_DISTANCE: Final = 8
_BITS: Final = 64
_CHUNK: Final = 1 << 21  # candidate pairs compared at a time: some 100 MB
_MOST_CANDIDATES: Final = 4_000_000_000  # minutes; only hashes that mean nothing lie so close together
_COMPACT_AT: Final = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class NearOwners:
    """Owners whose hashes are alike, between two groups, ordered by ``first`` and ``second``; int64 [p] each.

    ``frames`` is how many pairs of different hashes are alike, ``distance`` the fewest bits in which two of them
    differ. ``complete`` is False if the search was ended early, because there was no end of candidates.
    """

    first: np.ndarray
    second: np.ndarray
    frames: np.ndarray
    distance: np.ndarray
    complete: bool = True


def near_owners(
    hashes: np.ndarray,
    owners: np.ndarray,
    groups: np.ndarray,
    *,
    max_distance: int,
    most_candidates: int = _MOST_CANDIDATES,
) -> dict[tuple[int, int], NearOwners]:
    """The pairs of owners, of two different groups, that have hashes at most ``max_distance`` bits apart.

    An owner is not compared with itself. Time grows as n log n for hashes that spread; memory by some 100 bytes a hash
    and 24 bytes a pair of owners.

    Args:
        hashes: uint64 [n].
        owners: int64 [n], from 0: whose a hash is, such as the number of its video.
        groups: int [n], such as the number of its split.
        max_distance: in [0, 8] bits.
        most_candidates: after how many comparisons the search ends.
    Returns:
        For each two groups (the lower number first) that have such owners, their pairs.

    Raises:
        ConfigError: ``max_distance`` is out of range.
    """
    if not 0 <= max_distance <= MOST_DISTANCE:
        raise ConfigError(
            f"The distance must be 0 to {MOST_DISTANCE} bits, not {max_distance}.",
            where="max_distance",
            next_step="Near duplicates differ in a few of 64 bits; 4 is the usual limit.",
        )
    # equal hashes of one owner count once
    rows = np.unique(np.stack([groups.astype(np.uint64), owners.astype(np.uint64), hashes]), axis=1)
    by_group = {int(group): (rows[2, rows[0] == group], rows[1, rows[0] == group]) for group in np.unique(rows[0])}
    tallies = {pair: _Tally() for pair in combinations(sorted(by_group), 2)}
    budget = most_candidates
    masks = _masks(max_distance + 2)
    for low, high in combinations(range(len(masks)), 2):
        earlier = [mask for number, mask in enumerate(masks[:high]) if number != low]
        chosen = masks[low] | masks[high]
        buckets = {group: _Bucketed.of(*arrays, chosen) for group, arrays in by_group.items()}
        for (one, other), tally in tallies.items():
            for left, right in buckets[one].candidates(buckets[other]):
                budget -= len(left)
                if budget < 0:
                    tally.complete = False
                    break
                tally.add(buckets[one], buckets[other], left, right, earlier=earlier, max_distance=max_distance)
    return {
        pair: found for pair, tally in tallies.items() if len((found := tally.result()).first) or not tally.complete
    }


def _masks(bands: int) -> list[np.uint64]:
    """The bits of each of ``bands`` bands that make up 64."""
    edges = [round(band * _BITS / bands) for band in range(bands + 1)]
    return [np.uint64((1 << end) - (1 << start)) for start, end in pairwise(edges)]


@dataclass(frozen=True, slots=True)
class _Bucketed:
    """The hashes of a group, sorted by the bits that are to be equal."""

    keys: np.ndarray
    hashes: np.ndarray
    owners: np.ndarray

    @classmethod
    def of(cls, hashes: np.ndarray, owners: np.ndarray, chosen: np.uint64) -> _Bucketed:
        keys = hashes & chosen
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], hashes[order], owners[order])

    def candidates(self, other: _Bucketed) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows here and rows of ``other`` with equal keys, `_CHUNK` pairs at a time."""
        start = np.searchsorted(self.keys, other.keys, side="left")
        count = np.searchsorted(self.keys, other.keys, side="right") - start
        ends = np.cumsum(count)
        total = int(ends[-1]) if len(ends) else 0
        for begin in range(0, total, _CHUNK):
            pairs = np.arange(begin, min(begin + _CHUNK, total))
            right = np.searchsorted(ends, pairs, side="right")
            yield start[right] + pairs - (ends[right] - count[right]), right


@dataclass(slots=True)
class _Tally:
    """Pairs of owners found so far, with how many pairs of hashes and the least distance of these."""

    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)  # codes, frames, distance
    waiting: int = 0
    complete: bool = True

    def add(
        self,
        one: _Bucketed,
        other: _Bucketed,
        left: np.ndarray,
        right: np.ndarray,
        *,
        earlier: list[np.uint64],
        max_distance: int,
    ) -> None:
        """Keep those pairs of rows that are near, of two owners, and not met under an earlier choice of bands."""
        differing = one.hashes[left] ^ other.hashes[right]
        distance = hash_distance(one.hashes[left], other.hashes[right])
        kept = (distance <= max_distance) & (one.owners[left] != other.owners[right])
        for mask in earlier:
            kept &= (differing & mask) != 0
        if not kept.any():
            return
        codes = (one.owners[left[kept]] << np.uint64(32)) | other.owners[right[kept]]
        self.found.append((codes, np.ones(len(codes), np.int64), distance[kept]))
        self.waiting += len(codes)
        if self.waiting > _COMPACT_AT:
            self._compact()
            self.waiting = 0

    def result(self) -> NearOwners:
        """What was found, each pair of owners once."""
        self._compact()
        codes, frames, distance = self.found[0]
        return NearOwners(
            first=(codes >> np.uint64(32)).astype(np.int64),
            second=(codes & np.uint64(0xFFFFFFFF)).astype(np.int64),
            frames=frames,
            distance=distance,
            complete=self.complete,
        )

    def _compact(self) -> None:
        empty = np.empty(0, np.int64)
        parts = self.found or [(empty.astype(np.uint64), empty, empty)]
        codes, frames, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(codes, kind="stable")
        codes, frames, distance = codes[order], frames[order], distance[order]
        first = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]][: len(codes)])
        if len(first):
            codes, frames = codes[first], np.add.reduceat(frames, first)
            distance = np.minimum.reduceat(distance, first)
        self.found = [(codes, frames, distance)]
