from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.datasets.audit.near_duplicates import near_owners
from zoo.errors import ConfigError


def by_brute_force(rows, max_distance):
    """``{(group, group): {(owner, owner): (pairs of hashes, least distance)}}``, all compared with all."""
    result = defaultdict(lambda: defaultdict(list))
    rows = sorted(set(rows))
    for group, owner, value in rows:
        for other_group, other_owner, other in rows:
            distance = (value ^ other).bit_count()
            if group < other_group and owner != other_owner and distance <= max_distance:
                result[group, other_group][owner, other_owner].append(distance)
    return {
        pair: {owners: (len(distances), min(distances)) for owners, distances in found.items()}
        for pair, found in result.items()
    }


def as_dict(found):
    return {
        pair: {
            (int(a), int(b)): (int(frames), int(distance))
            for a, b, frames, distance in zip(near.first, near.second, near.frames, near.distance, strict=True)
        }
        for pair, near in found.items()
    }


def arrays(rows):
    groups, owners, hashes = zip(*rows, strict=True)
    return np.array(hashes, np.uint64), np.array(owners, np.int64), np.array(groups, np.int8)


# few seeds and few flipped bits, so that many pairs lie at and around every distance
hash_values = st.builds(
    lambda seed, bits: seed ^ sum(1 << bit for bit in bits),
    st.sampled_from([0, (1 << 64) - 1, 0xDA3C96B1E5720F48]),
    st.sets(st.integers(0, 63), max_size=7),
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), hash_values), min_size=1, max_size=40),
    max_distance=st.integers(0, 8),
)
def test_the_search_finds_what_comparing_all_finds(rows, max_distance):
    hashes, owners, groups = arrays(rows)
    found = near_owners(hashes, owners, groups, max_distance=max_distance)
    assert as_dict(found) == by_brute_force(rows, max_distance)
    assert all(near.complete for near in found.values())


def test_random_hashes_with_planted_neighbours():
    draw = np.random.default_rng(0)
    n = 20_000
    hashes = draw.integers(0, 2**64, n, dtype=np.uint64)
    groups = draw.integers(0, 2, n)
    planted = []
    for row in range(0, 400, 2):
        flips = draw.permutation(64)[: row % 7]  # 0 to 6 bits
        hashes[row + 1] = hashes[row] ^ np.bitwise_or.reduce(
            np.uint64(1) << flips.astype(np.uint64), initial=np.uint64(0)
        )
        groups[row], groups[row + 1] = 0, 1
        planted += [(row, row + 1)] if len(flips) <= 4 else []
    found = as_dict(near_owners(hashes, np.arange(n), groups, max_distance=4))
    assert sorted(found[0, 1]) == planted and len(planted) > 100


def test_an_endless_search_ends_and_says_so():
    hashes = np.full(200, 0xDA3C96B1E5720F48, np.uint64)
    owners = np.arange(200)
    found = near_owners(hashes, owners, owners % 2, max_distance=4, most_candidates=5_000)
    assert not found[0, 1].complete
    assert near_owners(hashes, owners, owners % 2, max_distance=4)[0, 1].complete


def test_nothing_in_nothing_out():
    empty = np.empty(0)
    assert near_owners(empty.astype(np.uint64), empty.astype(int), empty.astype(int), max_distance=4) == {}


@pytest.mark.parametrize("distance", [-1, 9])
def test_only_small_distances(distance):
    with pytest.raises(ConfigError, match="0 to 8"):
        near_owners(np.zeros(1, np.uint64), np.zeros(1, int), np.zeros(1, int), max_distance=distance)
