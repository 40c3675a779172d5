"""Replicates of figures under random whole weights, one weight a cluster of rows: the engine below the bootstrap.

Each cluster (a person, a video) gets a weight from a Poisson distribution of mean 1, the limit of drawing as many
clusters as there are with replacement. Rows keep their order under any weights, so that scores are sorted once and a
replicate is cumulative sums and a few searches in them. All counts are whole numbers in float64 and therefore exact.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import DataError
from zoo.metrics.ranking import LOW_FPRS, PARTIAL_FPR, checked_pair
from zoo.metrics.thresholded import DEFAULT_THRESHOLD

Floats = NDArray[np.float64]
_BLOCK_ROWS: Final = 1 << 19  # rows x replicates that are worked on at once: 4 MB an array
_DRAWS: Final = 1 << 16


class Side:
    """The scores of one class, sorted, with the cluster of each; several `Slice` may share one.

    Args:
        scores: [n] in [0, 1].
        clusters: int [n], each at least 0.
    """

    def __init__(self, scores: ArrayLike, clusters: ArrayLike) -> None:
        values = np.asarray(scores, dtype=np.float64) + 0.0
        order = np.argsort(values, kind="stable")
        self.scores: Floats = values[order]
        self.clusters: NDArray[np.intp] = np.asarray(clusters, dtype=np.intp)[order]

    def __len__(self) -> int:
        return len(self.scores)

    def below(self, scores: ArrayLike) -> NDArray[np.intp]:
        """How many scores of this side are lower than each of ``scores``."""
        return np.searchsorted(self.scores, scores, side="left")

    def upto(self, scores: ArrayLike) -> NDArray[np.intp]:
        """How many scores of this side are not higher than each of ``scores``."""
        return np.searchsorted(self.scores, scores, side="right")

    def log_losses(self, label: int) -> Floats:
        """Cross-entropy of each score in nats, kept finite as `zoo.metrics.thresholded.log_loss` does."""
        epsilon = np.finfo(np.float64).eps
        return -np.log(np.clip(self.scores if label else 1.0 - self.scores, epsilon, 1.0 - epsilon))


class Weighed:
    """A side under weights: ``weights`` [b, n], ``before`` [b, n + 1] (weight of the i lowest) and ``total`` [b]."""

    def __init__(self, side: Side, cluster_weights: NDArray[np.uint8]) -> None:
        self.weights: Floats = np.take(cluster_weights, side.clusters, axis=1).astype(np.float64)
        self.before: Floats = np.zeros((len(self.weights), len(side) + 1))
        np.cumsum(self.weights, axis=1, out=self.before[:, 1:])

    @property
    def total(self) -> Floats:
        return self.before[:, -1]

    def mean_with(self, other: Weighed, mine: Floats, others: Floats) -> Floats:
        """Weighted mean over both sides of a value a row."""
        weight = self.total + other.total
        both = np.einsum("bn,n->b", self.weights, mine) + np.einsum("bn,n->b", other.weights, others)
        return both / np.where(weight > 0, weight, np.nan)


class Slice:
    """The rows that a set of figures is computed of: reals, fakes and the score from which a row is called fake."""

    def __init__(self, reals: Side, fakes: Side, *, threshold: float = DEFAULT_THRESHOLD) -> None:
        self.reals = reals
        self.fakes = fakes
        self.threshold = threshold
        self.reals_below = reals.below(fakes.scores)
        self.reals_upto = reals.upto(fakes.scores)
        self.tied_classes = not np.array_equal(self.reals_below, self.reals_upto)
        self.first_alike = fakes.below(fakes.scores)
        self.tied_fakes = not np.array_equal(self.first_alike, np.arange(len(fakes)))

    @cached_property
    def points(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Points of the ROC curve from (0, 0) on: how many reals, and how many fakes, lie below each threshold."""
        merged = np.concatenate([self.reals.scores, self.fakes.scores])
        merged.sort(kind="stable")  # two sorted runs: linear
        distinct = merged[np.flatnonzero(np.diff(merged, prepend=-1.0))][::-1]
        ends = np.concatenate([[np.inf], distinct])
        return self.reals.below(ends).astype(np.int32), self.fakes.below(ends).astype(np.int32)

    @cached_property
    def fakes_around(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """For each real: how many fakes score lower, and how many not higher."""
        scores = self.reals.scores
        return self.fakes.below(scores).astype(np.int32), self.fakes.upto(scores).astype(np.int32)

    @cached_property
    def log_losses(self) -> tuple[Floats, Floats]:
        return self.reals.log_losses(0), self.fakes.log_losses(1)

    @cached_property
    def squares(self) -> tuple[Floats, Floats]:
        return self.reals.scores**2, (1.0 - self.fakes.scores) ** 2

    @cached_property
    def cut(self) -> tuple[int, int]:
        """How many reals, and how many fakes, are called real."""
        return int(self.reals.below(self.threshold)), int(self.fakes.below(self.threshold))


def slice_of(
    scores: ArrayLike, labels: ArrayLike, clusters: ArrayLike, *, threshold: float = DEFAULT_THRESHOLD
) -> Slice:
    """The slice of ``scores`` [n], ``labels`` [n] (0 = real, 1 = fake) and ``clusters`` int [n].

    Raises:
        DataError: as `zoo.metrics.ranking.rank`.
    """
    values, truth = checked_pair(scores, labels)
    groups = np.asarray(clusters, dtype=np.intp)
    if groups.shape != values.shape:
        raise DataError(f"Groups {groups.shape} and scores {values.shape} must be two arrays [n] of one length.")
    fake = truth == 1
    return Slice(Side(values[~fake], groups[~fake]), Side(values[fake], groups[fake]), threshold=threshold)


def _auc(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    wins = np.take(reals.before, part.reals_below, axis=1)
    if part.tied_classes:
        wins += np.take(reals.before, part.reals_upto, axis=1)
        wins *= 0.5
    return np.einsum("bn,bn->b", fakes.weights, wins) / _pairs(reals, fakes)


def _average_precision(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    lower = np.take(fakes.before, part.first_alike, axis=1) if part.tied_fakes else fakes.before[:, :-1]
    found = fakes.total[:, None] - lower
    called = np.take(reals.before, part.reals_below, axis=1)
    np.subtract(reals.total[:, None], called, out=called)
    called += found
    np.maximum(called, 1.0, out=called)
    found /= called
    return np.einsum("bn,bn->b", fakes.weights, found) / np.where(_pairs(reals, fakes) > 0, fakes.total, np.nan)


def _eer(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    curve = _Curve(part, reals, fakes)
    after = curve.first(lambda fpr, tpr: fpr + tpr >= 1.0)
    (fpr, tpr), (last_fpr, last_tpr) = curve.at(after), curve.at(np.maximum(after - 1, 0))
    rise = (fpr + tpr) - (last_fpr + last_tpr)
    share = (1.0 - last_fpr - last_tpr) / np.where(rise > 0, rise, np.nan)
    return last_fpr + share * (fpr - last_fpr)


def _partial_auc(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    """McClish's standardisation: 0.5 for chance, 1 for a perfect ranking."""
    curve = _Curve(part, reals, fakes)
    after = curve.first(lambda fpr, tpr: fpr > PARTIAL_FPR)
    (fpr, tpr), (last_fpr, last_tpr) = curve.at(after), curve.at(np.maximum(after - 1, 0))
    start = part.points[0][np.maximum(after - 1, 0)].astype(np.intp)  # reals from here on are counted whole
    lowest = int(start.min(initial=len(part.reals)))
    below, upto = (counts[lowest:] for counts in part.fakes_around)
    above = fakes.total[:, None] - np.take(fakes.before, below, axis=1) * 0.5
    above -= np.take(fakes.before, upto, axis=1) * 0.5
    above *= np.arange(lowest, len(part.reals)) >= start[:, None]
    area = np.einsum("bn,bn->b", reals.weights[:, lowest:], above) / _pairs(reals, fakes)
    width = PARTIAL_FPR - last_fpr
    rise = (tpr - last_tpr) * width / np.where(fpr > last_fpr, fpr - last_fpr, np.nan)
    area += width * (last_tpr + rise / 2)
    chance = PARTIAL_FPR**2 / 2
    return 0.5 * (1.0 + (area - chance) / (PARTIAL_FPR - chance))


def _tpr_at(limit: float) -> Callable[[Slice, Weighed, Weighed], Floats]:
    def figure(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
        curve = _Curve(part, reals, fakes)
        return curve.at(curve.first(lambda fpr, tpr: fpr > limit) - 1)[1]

    return figure


def _accuracy(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    tn, fp, fn, tp = _calls(part, reals, fakes)
    total = tn + fp + fn + tp
    return (tn + tp) / np.where(total > 0, total, np.nan)


def _balanced_accuracy(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    tn, fp, fn, tp = _calls(part, reals, fakes)
    pairs = _pairs(reals, fakes)
    return np.where(np.isnan(pairs), np.nan, (tn / np.maximum(tn + fp, 1) + tp / np.maximum(tp + fn, 1)) / 2)


def _macro_f1(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    tn, fp, fn, tp = _calls(part, reals, fakes)
    real, fake = 2 * tn / np.maximum(2 * tn + fp + fn, 1), 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    return np.where(np.isnan(_pairs(reals, fakes)), np.nan, (real + fake) / 2)


def _log_loss(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    return reals.mean_with(fakes, *part.log_losses)


def _brier(part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    return reals.mean_with(fakes, *part.squares)


STATISTICS: Final[Mapping[str, Callable[[Slice, Weighed, Weighed], Floats]]] = {
    "auc": _auc,
    "average_precision": _average_precision,
    "eer": _eer,
    "partial_auc": _partial_auc,
    **{name: _tpr_at(limit) for name, limit in LOW_FPRS.items()},
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "log_loss": _log_loss,
    "brier": _brier,
}
"""Figures that can be replicated. The calibration error is none of them: resampling inflates it."""


def plain_figures(part: Slice, statistics: Sequence[str] = tuple(STATISTICS)) -> dict[str, float]:
    """The figures of ``part`` with every row counted once; NaN where undefined."""
    clusters = max((int(side.clusters.max(initial=-1)) + 1 for side in (part.reals, part.fakes)), default=0)
    sides = [Weighed(side, np.ones((1, clusters), np.uint8)) for side in (part.reals, part.fakes)]
    return {name: float(_figure(name, part, *sides)[0]) for name in statistics}


def replicates_of(
    parts: Sequence[Slice],
    *,
    clusters: int,
    replicates: int,
    seed: int,
    statistics: Sequence[str] = tuple(STATISTICS),
    threads: int | None = None,
) -> dict[str, Floats]:
    """Figures of every part under one set of random weights, so that parts are comparable replicate by replicate.

    Args:
        parts: slices whose cluster numbers are below ``clusters``. Sides that are the same object are weighed once.
        clusters: number of clusters.
        replicates: number of draws of their weights.
        seed: of the draws; equal seeds give equal replicates, whatever the number of threads.
        statistics: names of `STATISTICS`.
        threads: as many as there are processors by default, two at most.

    Returns:
        Name to float64 [parts, replicates]; NaN where the weights left a figure undefined.
    """
    found = {name: np.full((len(parts), replicates), np.nan) for name in statistics}
    rows = max((max(len(part.reals), len(part.fakes)) for part in parts), default=1)
    size = max(1, min(replicates, _BLOCK_ROWS // max(rows, clusters, 1)))

    def work(first: int) -> None:
        stop = min(first + size, replicates)
        weights = np.stack([_poisson(clusters, seed, number) for number in range(first, stop)])
        for indices in _by_reals(parts):
            reals = Weighed(parts[indices[0]].reals, weights)
            for index in indices:
                fakes = Weighed(parts[index].fakes, weights)
                for name in statistics:
                    found[name][index, first:stop] = _figure(name, parts[index], reals, fakes)

    for part in parts:  # computed once, before threads share them
        _ = part.points, part.fakes_around, part.log_losses, part.squares, part.cut
    starts = range(0, replicates, size)
    count = min(2, os.cpu_count() or 1) if threads is None else threads
    if count < 2 or len(starts) < 2:
        for first in starts:
            work(first)
    else:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, starts))
    return found


class _Curve:
    """ROC points under weights, looked up where needed instead of being computed all."""

    def __init__(self, part: Slice, reals: Weighed, fakes: Weighed) -> None:
        self.part, self.reals, self.fakes = part, reals, fakes
        self.rows = np.arange(len(reals.before))
        defined = ~np.isnan(_pairs(reals, fakes))
        self.real_total = np.where(defined, reals.total, np.nan)
        self.fake_total = np.where(defined, fakes.total, np.nan)

    def at(self, point: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """False and true positive rate [b] at point number ``point`` [b] of the curve."""
        real_at, fake_at = (counts[point] for counts in self.part.points)
        fpr = (self.reals.total - self.reals.before[self.rows, real_at]) / self.real_total
        tpr = (self.fakes.total - self.fakes.before[self.rows, fake_at]) / self.fake_total
        return fpr, tpr

    def first(self, reached: Callable[[Floats, Floats], NDArray[np.bool_]]) -> NDArray[np.intp]:
        """The first point [b] at which ``reached``, which must stay true from there on; the last point at most."""
        low = np.zeros(len(self.rows), np.intp)
        high = np.full(len(self.rows), len(self.part.points[0]) - 1, np.intp)
        for _ in range(math.ceil(math.log2(max(len(self.part.points[0]), 1))) + 1):
            middle = (low + high) // 2
            there = reached(*self.at(middle))
            high = np.where(there, middle, high)
            low = np.where(there, low, np.minimum(middle + 1, high))
        return low


def _figure(name: str, part: Slice, reals: Weighed, fakes: Weighed) -> Floats:
    return STATISTICS[name](part, reals, fakes)


def _calls(part: Slice, reals: Weighed, fakes: Weighed) -> tuple[Floats, Floats, Floats, Floats]:
    """Weights [b] of true negatives, false positives, false negatives and true positives."""
    real_at, fake_at = part.cut
    tn, fn = reals.before[:, real_at], fakes.before[:, fake_at]
    return tn, reals.total - tn, fn, fakes.total - fn


def _pairs(reals: Weighed, fakes: Weighed) -> Floats:
    """Weight [b] of all pairs of a real and a fake; NaN where there is none."""
    product = reals.total * fakes.total
    return np.where(product > 0, product, np.nan)


def _by_reals(parts: Sequence[Slice]) -> Iterator[list[int]]:
    """Indices of the parts that share their reals, a list each."""
    shared: dict[int, list[int]] = {}
    for index, part in enumerate(parts):
        shared.setdefault(id(part.reals), []).append(index)
    yield from shared.values()


def _poisson_table() -> NDArray[np.uint8]:
    """Poisson values of mean 1 for the 2^16 draws of 16 bits: each probability is right to 1 in 65,536."""
    mass = np.cumsum([math.exp(-1.0) / math.factorial(value) for value in range(12)])
    return np.searchsorted(mass, (np.arange(_DRAWS) + 0.5) / _DRAWS).astype(np.uint8)


_TABLE: Final = _poisson_table()


def _poisson(clusters: int, seed: int, number: int) -> NDArray[np.uint8]:
    """Weights [clusters] of replicate ``number``."""
    source = np.random.SFC64(np.random.SeedSequence([seed, number]))
    draws = source.random_raw(clusters // 4 + 1).astype("<u8").view("<u2")[:clusters]
    return _TABLE[draws]
