"""Splits in which no identity, and nothing made from it, is seen twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from zoo.errors import ConfigError, DataError


def connected_groups(groups: Iterable[Iterable[str]]) -> dict[str, str]:
    """Union-find: every name to the representative (the smallest name) of all names it shares a group with,
    directly or through others."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for group in groups:
        first, *others = map(root, group)
        for other in others:
            low, high = sorted((root(first), root(other)))
            parent[high] = low
    return {name: root(name) for name in parent}


def check_ratios(ratios: Mapping[str, float]) -> None:
    """Raise ConfigError unless ``ratios`` are shares of named splits that sum to 1."""
    if not ratios or any(share <= 0 for share in ratios.values()) or abs(sum(ratios.values()) - 1) > 1e-6:
        raise ConfigError(
            f"Split ratios must be positive and sum to 1; they are {dict(ratios)}.",
            where="ratios",
            next_step="For example: dict(train=0.7, val=0.15, test=0.15).",
        )


def split_groups(members: Sequence[str], *, ratios: Mapping[str, float], seed: int, where: object) -> dict[str, str]:
    """A split for every group, so that the shares of samples come near to ``ratios``.

    Groups are shuffled by ``seed``; the largest first, each goes to the split that lacks most of its share. No split
    stays empty while there are groups left to fill it.

    Args:
        members: the group of every sample.
        ratios: split name to share; see :func:`check_ratios`.
        seed: of the shuffle.
        where: what an error points at.

    Raises:
        DataError: a split stays empty because there are fewer groups than splits.
    """
    sizes = Counter(members)
    order = sorted(sizes)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda group: -sizes[group])
    filled: dict[str, int] = defaultdict(int)
    chosen = {}
    for number, group in enumerate(order):
        empty = [name for name in ratios if not filled[name]]
        candidates = empty if len(empty) >= len(order) - number else ratios
        split = max(candidates, key=lambda name: ratios[name] * len(members) - filled[name])
        chosen[group] = split
        filled[split] += sizes[group]
    if empty := [name for name in ratios if not filled[name]]:
        raise DataError(
            f"No identity is left for the split {', '.join(empty)}: the {len(members)} videos fall into {len(sizes)} "
            f"groups of linked identities, the largest with {max(sizes.values())} videos.",
            where=where,
            next_step="Use fewer splits, or a corpus with more identities that are not linked to each other.",
        )
    return chosen
