"""Splits in which no identity, and nothing made from it, is seen twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Final

import numpy as np

from zoo.errors import ConfigError, DataError

RATIOS: Final = MappingProxyType({"train": 0.7, "val": 0.15, "test": 0.15})
"""Shares of the splits of a corpus that has no official ones."""

APART: Final = "its people are in different splits"
"""Why a video is in no split; see :func:`split_people`."""

_SLACK: Final = 0.1  # of the videos: how far a group may exceed the largest split


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


def split_people(
    people: Sequence[frozenset[str]], *, ratios: Mapping[str, float], seed: int, where: object
) -> list[str | None]:
    """A split for every video, so that nobody is seen in two.

    Videos are kept together by the people they share, as in :func:`connected_groups`. Where that ties nearly all of
    them into one group, as in corpora that swap everybody with everybody, the people themselves are given to splits,
    weighted by their videos, and a video whose people are in different splits is in none. Those who are seen with
    others and those who are always alone are shared out one after the other, so that every split has both.

    Args:
        people: at least one name for every video.
        ratios: split name to share; see :func:`check_ratios`.
        seed: of the order in which groups or people are given to splits.
        where: what an error points at.

    Raises:
        DataError: there are fewer people than splits.
    """
    groups = connected_groups(people)
    by_group = [[groups[next(iter(names))]] for names in people]
    linked = {group for names, (group,) in zip(people, by_group, strict=True) if len(names) > 1}
    sizes = Counter(group for (group,) in by_group if group in linked)
    largest = (max(ratios.values()) + _SLACK) * sum(sizes.values())
    if not linked or (len(linked) >= len(ratios) and max(sizes.values()) <= largest):
        chosen = _share_out(by_group, linked, ratios, seed, where)
        return [chosen[group] for (group,) in by_group]
    together = {name for names in people if len(names) > 1 for name in names}
    chosen = _share_out(people, together, ratios, seed, where)
    found = [{chosen[name] for name in names} for names in people]
    return [splits.pop() if len(splits) == 1 else None for splits in found]


def _share_out(
    videos: Sequence[Iterable[str]], first: Set[str], ratios: Mapping[str, float], seed: int, where: object
) -> dict[str, str]:
    """A split for every name in ``videos``: those in ``first``, then the others, where there are enough of both."""
    seen = [name for names in videos for name in names]
    strata = [[name for name in seen if (name in first) == wanted] for wanted in (True, False)]
    if any(0 < len(set(stratum)) < len(ratios) for stratum in strata):
        strata = [seen]
    chosen: dict[str, str] = {}
    for stratum in filter(None, strata):
        chosen |= split_groups(stratum, ratios=ratios, seed=seed, where=where)
    return chosen


def check_share(share: float, name: str) -> float:
    """``share``; ConfigError unless it is in [0, 1)."""
    if not 0 <= share < 1:
        raise ConfigError(f"{name} must be in [0, 1); it is {share!r}.", where=name)
    return share


def hold_out(
    splits: Sequence[str], people: Sequence[frozenset[str]], *, share: float, seed: int, where: object
) -> list[str | None]:
    """Official ``splits``, of which about ``share`` of ``train`` becomes ``val`` by :func:`split_people`.

    A training video whose people are in both is in none. With a share of 0 nothing changes.
    """
    result: list[str | None] = list(splits)
    rows = [row for row, split in enumerate(splits) if split == "train"]
    if share and rows:
        ratios = {"train": 1 - share, "val": share}
        for row, split in zip(
            rows, split_people([people[row] for row in rows], ratios=ratios, seed=seed, where=where), strict=True
        ):
            result[row] = split
    return result
