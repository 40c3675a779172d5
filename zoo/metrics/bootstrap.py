"""Bootstrap intervals of figures, and the paired test between two models, both by whole clusters of rows.

Frames of one video and videos of one person are no independent draws: weights are therefore drawn for clusters (see
`zoo.metrics.resampling`). Intervals are percentiles of the replicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import ConfigError, DataError, did_you_mean
from zoo.metrics.resampling import STATISTICS, Slice, plain_figures, replicates_of, slice_of
from zoo.metrics.thresholded import DEFAULT_THRESHOLD

REPLICATES: Final = 1000
CONFIDENCE: Final = 0.95

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a percentile interval; NaN where more than half of the replicates left the figure undefined."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much a figure of model A exceeds that of model B on the same rows.

    Attributes:
        difference: figure of A minus figure of B.
        low, high: its percentile interval.
        p_value: two-sided, of the hypothesis that both models are alike; see `paired_difference`.
        first, second: the figures of A and B.
        clusters: how many independent clusters of rows there are.
    """

    difference: float
    low: float
    high: float
    p_value: float
    first: float
    second: float
    clusters: int


def cluster_numbers(groups: ArrayLike | None, n: int) -> tuple[NDArray[np.intp], int]:
    """Numbers [n] from 0 on, equal where ``groups`` [n] are equal (each row its own where None), and how many.

    Raises:
        DataError: ``groups`` has another length.
    """
    if groups is None:
        return np.arange(n), n
    names = np.asarray(groups)
    if names.shape != (n,):
        raise DataError(f"Groups {names.shape} and scores {(n,)} must be two arrays [n] of one length.")
    distinct, numbers = np.unique(names, return_inverse=True)
    return numbers.reshape(-1), len(distinct)


def intervals(
    parts: Mapping[Key, Slice],
    *,
    clusters: int,
    replicates: int = REPLICATES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    statistics: Sequence[str] = tuple(STATISTICS),
) -> dict[Key, dict[str, Interval]]:
    """Percentile intervals of every figure of every part; arguments as `zoo.metrics.resampling.replicates_of`.

    Raises:
        ConfigError: a statistic is unknown, or ``replicates`` or ``confidence`` is out of range.
    """
    check_statistics(statistics, replicates=replicates, confidence=confidence)
    drawn = replicates_of(
        list(parts.values()), clusters=clusters, replicates=replicates, seed=seed, statistics=statistics
    )
    return {
        name: {statistic: interval_of(drawn[statistic][index], confidence=confidence) for statistic in statistics}
        for index, name in enumerate(parts)
    }


def interval_of(values: NDArray[np.float64], *, confidence: float = CONFIDENCE) -> Interval:
    """Percentile interval of the replicates ``values`` [r] of a figure, of which NaN are left out."""
    defined = values[~np.isnan(values)]
    if 2 * len(defined) <= len(values):
        return Interval(float("nan"), float("nan"))
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def paired_difference(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    statistic: str = "auc",
    replicates: int = REPLICATES,
    seed: int = 0,
    threshold: float | tuple[float, float] = DEFAULT_THRESHOLD,
    confidence: float = CONFIDENCE,
) -> Difference:
    """Compare two models on the same rows: both are weighed alike in every replicate, so that what makes a row easy
    for both cancels out.

    The p-value is that of the interval turned around: twice the smaller share of replicates in which the difference
    is at most, or at least, zero, each count plus one over the replicates plus one, and 1 at most. It is therefore
    never below 2 / (replicates + 1), it is below 0.05 about when the 95% interval excludes zero, and models with equal
    scores get 1. It is NaN, as the interval, where more than half of the replicates are undefined.

    Args:
        scores_a, scores_b: [n] in [0, 1].
        labels: [n], 0 = real, 1 = fake.
        groups: [n], what a row belongs to (an identity or a video); rows of a group are drawn together. Each row by
            itself when None.
        statistic: a name of `zoo.metrics.resampling.STATISTICS`.
        replicates: at least 2.
        seed: of the draws; the same seed gives the same result.
        threshold: from which score on a row is called fake, of both models or of each.
        confidence: of the interval, in (0, 1).

    Raises:
        DataError: lengths differ, a score is not in [0, 1], or a label is neither 0 nor 1.
        ConfigError: ``statistic``, ``replicates`` or ``confidence`` is none that exists.
    """
    numbers, count = cluster_numbers(groups, len(np.atleast_1d(np.asarray(labels))))
    thresholds = threshold if isinstance(threshold, tuple) else (threshold, threshold)
    first, second = (
        slice_of(scores, labels, numbers, threshold=cut)
        for scores, cut in zip((scores_a, scores_b), thresholds, strict=True)
    )
    return paired_differences(
        first,
        second,
        clusters=count,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
        statistics=[statistic],
    )[statistic]


def paired_differences(
    first: Slice,
    second: Slice,
    *,
    clusters: int,
    replicates: int = REPLICATES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    statistics: Sequence[str] = tuple(STATISTICS),
) -> dict[str, Difference]:
    """`paired_difference` of several figures, of two slices with the same rows in the same clusters.

    Raises:
        ConfigError: as `paired_difference`.
    """
    check_statistics(statistics, replicates=replicates, confidence=confidence)
    figures = [plain_figures(part, statistics) for part in (first, second)]
    drawn = replicates_of([first, second], clusters=clusters, replicates=replicates, seed=seed, statistics=statistics)
    result = {}
    for name in statistics:
        differences = drawn[name][0] - drawn[name][1]
        bounds = interval_of(differences, confidence=confidence)
        result[name] = Difference(
            difference=figures[0][name] - figures[1][name],
            low=bounds.low,
            high=bounds.high,
            p_value=float("nan") if np.isnan(bounds.low) else _two_sided(differences[~np.isnan(differences)]),
            first=figures[0][name],
            second=figures[1][name],
            clusters=clusters,
        )
    return result


def check_statistics(names: Sequence[str], *, replicates: int, confidence: float) -> None:
    """Raise ConfigError unless ``names`` can be replicated and the numbers are in range."""
    for name in names:
        if name not in STATISTICS:
            raise ConfigError(
                f"No statistic {name!r} to replicate.{did_you_mean(name, STATISTICS)}",
                where="statistic",
                next_step=f"There are: {', '.join(STATISTICS)}.",
            )
    if replicates < 2:
        raise ConfigError(f"A bootstrap needs at least 2 replicates, not {replicates}.", where="replicates")
    if not 0 < confidence < 1:
        raise ConfigError(f"A confidence is between 0 and 1, not {confidence}.", where="confidence")


def _two_sided(differences: NDArray[np.float64]) -> float:
    tails = (np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return min(1.0, 2 * (1 + min(tails)) / (1 + len(differences)))
