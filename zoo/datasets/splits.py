"""Splits that are the same on every rank and machine: given, listed in a file, or computed from a seeded hash."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from zoo.errors import DataError

SPLITS: Final = ("train", "val", "test")
_ALIASES: Final[Mapping[str, str]] = {"valid": "val", "validation": "val", "dev": "val"}


def split_name(name: str) -> str:
    """``train``, ``val`` or ``test`` out of what corpora call them.

    Raises:
        DataError: another name.
    """
    known = _ALIASES.get(name, name)
    if known not in SPLITS:
        raise DataError(f"Unknown split {name!r}.", next_step=f"Use one of {', '.join(SPLITS)}.")
    return known


def hashed_splits(
    ties: Sequence[Sequence[str]], labels: np.ndarray, *, ratios: Sequence[float], seed: int
) -> np.ndarray:
    """Assign each of ``n`` clips to a split, stratified by class, without ever shuffling.

    Clips that share a tie (a person, a source video, a name) stay together, directly or through others. The groups of
    real clips, of fake clips, and of both are each ordered by a hash of the seed and their ties, and cut where the
    number of clips reaches the ratios.

    Args:
        ties: for each clip at least one text.
        labels: int [n], 0 = real, 1 = fake.
        ratios: shares of train, val and test; they sum to 1.
        seed: another seed, another split.
    Returns:
        int8 [n], index into ``SPLITS``.
    """
    if len(ratios) != len(SPLITS) or min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
        raise DataError(f"split_ratio must be three shares (train, val, test) that sum to 1, not {list(ratios)}.")
    strata: dict[tuple[int, ...], list[tuple[bytes, list[int]]]] = defaultdict(list)
    for members in _groups(ties):
        key = min(tie for member in members for tie in ties[member])
        digest = hashlib.sha256(f"{seed}\0{key}".encode()).digest()
        strata[tuple(sorted({int(labels[member]) for member in members}))].append((digest, members))
    result = np.empty(len(labels), np.int8)
    for _, groups in sorted(strata.items()):
        groups.sort()
        total = sum(len(members) for _, members in groups)
        ends = np.cumsum(ratios) * total
        before = 0
        for _, members in groups:
            middle = before + len(members) / 2
            result[members] = min(int(np.searchsorted(ends, middle)), len(SPLITS) - 1)
            before += len(members)
    return result


def listed_splits(path: str | Path, ids: Sequence[str]) -> np.ndarray:
    """Splits out of a JSON file ``{"train": [id, ...], "val": [...], "test": [...]}``.

    An id is a clip's ``video_id`` or, where that is unambiguous, its last component.
    Returns:
        int8 [n], index into ``SPLITS``; -1 for clips that the file does not name.

    Raises:
        DataError: not such a file, an id in two splits, or an id that no clip has.
    """
    try:
        lists = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read the splits: {error}.", where=path) from error
    if not isinstance(lists, dict) or not all(isinstance(names, list) for names in lists.values()):
        raise DataError("A splits file is a JSON object of lists: train, val, test.", where=path)
    rows: dict[str, int] = {name: row for row, name in enumerate(ids)}
    short: dict[str, int] = {}
    for row, name in enumerate(ids):
        last = name.rpartition("/")[2]
        short[last] = -1 if last in short else row  # ambiguous
    result = np.full(len(ids), -1, np.int8)
    for split, names in lists.items():
        value = SPLITS.index(split_name(split))
        for name in names:
            row = rows.get(name, short.get(name, -2))
            if row < 0:
                fault = "is the name of several clips" if row == -1 else "is no clip of this data"
                step = "Name clips by their video_id, e.g. " + repr(ids[0]) if len(ids) else None
                raise DataError(f"{name!r} of split {split!r} {fault}.", where=path, next_step=step)
            if result[row] not in (-1, value):
                raise DataError(f"{name!r} is in two splits.", where=path)
            result[row] = value
    return result


def stored_splits(names: pa.ChunkedArray, *, where: object) -> np.ndarray | None:
    """Splits that the data itself tells, int8 [n] into ``SPLITS``; None if it tells none.

    Raises:
        DataError: some clips have a split and some have none, or a split has an unknown name.
    """
    if names.null_count == len(names):
        return None
    if names.null_count:
        raise DataError(
            f"{names.null_count} of {len(names)} clips are in no split, while the others are.",
            where=where,
            next_step="Put them into a split, or list all splits in a splits_file.",
        )
    codes = names.chunk(0).dictionary_encode()
    values = np.array([SPLITS.index(split_name(name)) for name in codes.dictionary.to_pylist()], np.int8)
    return values[codes.indices.to_numpy()]


def chosen_by_hash(ids: Sequence[str], labels: np.ndarray, limit: int) -> np.ndarray:
    """About ``limit`` positions of [0, n), rising: at least one of each class, and the classes' proportion kept."""
    digests = np.array([hashlib.sha256(name.encode()).hexdigest() for name in ids])
    order = np.argsort(digests, kind="stable")
    kept = []
    for label in np.unique(labels):
        members = order[labels[order] == label]
        kept.append(members[: max(1, round(limit * len(members) / len(ids)))])
    return np.sort(np.concatenate(kept))


def _groups(ties: Sequence[Sequence[str]]) -> list[list[int]]:
    """Clips joined by shared ties, directly or through others (union-find)."""
    parents: dict[str, str] = {}

    def root(tie: str) -> str:
        while (parent := parents.setdefault(tie, tie)) != tie:
            parents[tie] = tie = parents[parent]
        return tie

    for names in ties:
        first = root(names[0])
        for name in names[1:]:
            parents[root(name)] = first
    groups: dict[str, list[int]] = defaultdict(list)
    for clip, names in enumerate(ties):
        groups[root(names[0])].append(clip)
    return list(groups.values())
