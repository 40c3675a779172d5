"""Scores of many samples to one score of what they belong to: mean, median, mean of the highest k, noisy-or."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zoo.errors import ConfigError

MEAN: Final = "mean"
AGGREGATIONS: Final = (MEAN, "median", "top3", "noisy-or")
"""Names of aggregations; ``topK`` is there for every K of at least 1."""

_TOP: Final = re.compile(r"top([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Groups:
    """Which rows belong together, in the order in which groups are first met.

    Attributes:
        of_row: int [n], the group of every row.
        first: int [g], the first row of every group.
    """

    of_row: NDArray[np.intp]
    first: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of every group, [g]."""
        return np.bincount(self.of_row, minlength=len(self.first))


def group_rows(table: pa.Table, keys: Sequence[str]) -> Groups:
    """Rows of ``table`` with equal values in all columns ``keys`` belong together; nulls equal each other."""
    codes = np.zeros(len(table), dtype=np.int64)
    for key in keys:
        column = table[key].combine_chunks().dictionary_encode(null_encoding="encode")
        codes = codes * max(len(column.dictionary), 1) + column.indices.to_numpy()
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Groups(place[inverse.reshape(-1)], first[order])


def aggregate(scores: NDArray[np.float64], groups: Groups, *, how: str = MEAN) -> NDArray[np.float64]:
    """One score a group, [g] in [0, 1].

    ``mean``; ``median``; ``topK``: mean of the K highest, of all where there are fewer; ``noisy-or``: the chance that
    at least one sample is fake if each score were an independent probability, ``1 - prod(1 - score)``, which nears 1
    with many samples whatever they show.

    Args:
        scores: [n] in [0, 1].
        groups: of the rows.
        how: see `check_aggregation`.

    Raises:
        ConfigError: an unknown aggregation.
    """
    check_aggregation(how)
    sizes = groups.sizes
    if how == MEAN:
        return np.bincount(groups.of_row, weights=scores, minlength=len(groups)) / sizes
    if how == "noisy-or":
        with np.errstate(divide="ignore"):
            absent = np.bincount(groups.of_row, weights=np.log1p(-scores), minlength=len(groups))
        return -np.expm1(absent)
    ordered = scores[np.lexsort((scores, groups.of_row))]  # rising within each group
    stop = np.cumsum(sizes)
    if how == "median":
        start = stop - sizes
        return (ordered[start + (sizes - 1) // 2] + ordered[start + sizes // 2]) / 2
    kept = np.minimum(sizes, int(how.removeprefix("top")))
    rank = np.repeat(stop, sizes) - np.arange(len(ordered))  # 1 for the highest of its group
    of_ordered = np.repeat(np.arange(len(groups)), sizes)
    counted = np.where(rank <= np.repeat(kept, sizes), ordered, 0.0)
    return np.bincount(of_ordered, weights=counted, minlength=len(groups)) / kept


def check_aggregation(how: str) -> str:
    """``how``; ConfigError unless it is mean, median, noisy-or or topK."""
    if how not in AGGREGATIONS and not _TOP.fullmatch(how):
        raise ConfigError(
            f"No aggregation {how!r}.",
            where="aggregate",
            next_step=f"There are {', '.join(AGGREGATIONS)} and any topK.",
        )
    return how


def aggregation_text(how: str) -> str:
    """How a score comes about, for people: "mean of the scores of its samples"."""
    if match := _TOP.fullmatch(how):
        return f"mean of the {match[1]} highest scores of its samples"
    return f"{how} of the scores of its samples"
