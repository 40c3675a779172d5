"""An evaluation of saved predictions: figures with clustered intervals, paired tests, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zoo.errors import ConfigError, DataError
from zoo.metrics.aggregation import MEAN
from zoo.metrics.bootstrap import CONFIDENCE, REPLICATES, Interval, intervals, paired_differences
from zoo.metrics.checks import (
    check_clusters,
    check_figures,
    check_isolation,
    check_rows,
    check_threshold,
)
from zoo.metrics.isolation import isolation
from zoo.metrics.known_videos import Clusters, KnownVideo, clusters_of
from zoo.metrics.levels import Level, levels_of, video_names
from zoo.metrics.resampling import Side, Slice, slice_of
from zoo.metrics.summary import facts_of, figures_of
from zoo.metrics.table import VIDEO, in_order, scored
from zoo.metrics.thresholds import Threshold

_JOINED: Final[Mapping[str, tuple[str, ...]]] = {
    "video": VIDEO,
    "track": (*VIDEO, "track"),
    "sample": (*VIDEO, "sample_id"),
}
_PART = tuple[str, str, str]  # level, scope ("all", "per_method" or "per_corpus"), name


def evaluate(
    predictions: pa.Table,
    *,
    threshold: Threshold | None = None,
    level: str = "video",
    aggregate: str = MEAN,
    groups: Sequence[KnownVideo] | None = None,
    seen: Sequence[KnownVideo] | None = None,
    told: Sequence[KnownVideo] = (),
    against: Mapping[str, pa.Table] | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of a table with the columns of ``zoo.metrics.table.SCHEMA``, ready for JSON.

    Args:
        predictions: one row a sample.
        threshold: where calls come from; the default of 0.5 if None.
        level: ``video``, ``track`` or ``sample``: at which warnings are judged and models compared.
        aggregate: makes one score of many, see `zoo.metrics.aggregation.aggregate`.
        groups: the people of the evaluated videos. Those that share one are drawn together; videos are, if None.
        seen: videos that training or validation saw, which must not be among those evaluated.
        told: more that is known of the evaluated videos, beside ``groups``, for that comparison.
        against: name to predictions of other models, to be compared on the videos (tracks, samples) in common.
        replicates: of the bootstrap; none at all if 0.
        seed: of the bootstrap.

    Returns:
        What `zoo.metrics.summary.summarize` gives. Each set of figures has ``intervals`` (name to [low, high], None
        where undefined) if there are replicates. Beside them ``primary_level``, ``threshold_origin``, ``bootstrap``,
        ``comparisons``, ``isolation`` and ``warnings``, a list of ``name`` and ``text``.

    Raises:
        ConfigError: an unknown aggregation, or a level that the predictions do not have.
        DataError: predictions to compare with that share no video, or contradict a label.
    """
    threshold = threshold or Threshold()
    table = in_order(predictions)
    levels = levels_of(scored(table), how=aggregate)
    if level not in levels:
        raise ConfigError(
            f"The predictions have no {level} level.",
            where="level",
            next_step=f"There are {', '.join(levels)}; tracks need a column track, or two faces in a video.",
        )
    videos = levels["video"].table
    names = video_names(videos)
    clusters = clusters_of(names, groups)
    numbers, count = _numbered(clusters)
    result = figures_of({name: item.table for name, item in levels.items()}, threshold=threshold.value)
    result |= facts_of(table, threshold=threshold.value, aggregate=aggregate)
    findings = check_rows(table, videos)
    if replicates:
        _add_intervals(result, levels, numbers, count, threshold.value, replicates=replicates, seed=seed)
        findings += check_clusters(
            kind=clusters.kind, count=count, unknown=clusters.unknown, all_linked=clusters.all_linked
        )
    found = None if seen is None else isolation(names, seen=seen, told=[*(groups or ()), *told])
    comparisons = {
        name: _compare(
            levels[level],
            other,
            numbers,
            level=level,
            aggregate=aggregate,
            threshold=threshold.value,
            replicates=replicates or REPLICATES,
            seed=seed,
        )
        for name, other in (against or {}).items()
    }
    findings += [
        *check_figures(result, level=level),
        *check_threshold(threshold, level=level, aggregate=aggregate),
        *check_isolation(found),
    ]
    return result | {
        "primary_level": level,
        "threshold_origin": threshold.facts(),
        "bootstrap": _bootstrap_facts(clusters, count, replicates, seed) if replicates else None,
        "comparisons": comparisons,
        "isolation": None if found is None else found.facts(),
        "warnings": [asdict(finding) for finding in findings],
    }


def _numbered(clusters: Clusters) -> tuple[NDArray[np.intp], int]:
    """Numbers from 0 on of the clusters' names, in the order in which they occur, and how many there are."""
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(name, len(numbers)) for name in clusters.names]
    return np.array(found, dtype=np.intp), len(numbers)


def _add_intervals(
    result: dict[str, Any],
    levels: Mapping[str, Level],
    clusters: NDArray[np.intp],
    count: int,
    threshold: float,
    *,
    replicates: int,
    seed: int,
) -> None:
    """Put ``intervals`` beside all figures of ``result``; equal slices are replicated once."""
    parts: dict[_PART, Slice] = {}
    same: dict[_PART, _PART] = {}
    for level, item in levels.items():
        if level == "sample" and len(item.table) == len(levels["video"].table):
            same |= {key: ("video", *key[1:]) for key in _places(item.table, level)}
            continue
        mine = _parts(item, clusters, threshold, level)
        for key, part in mine.items():
            whole = mine[level, "all", ""]
            if part is not whole and part.reals is whole.reals and len(part.fakes) == len(whole.fakes):
                same[key] = (level, "all", "")
            else:
                parts[key] = part
    found = intervals(parts, clusters=count, replicates=replicates, seed=seed)
    for key in [*parts, *same]:
        source = key
        while source in same:
            source = same[source]
        level, scope, name = key
        figures = result[level] if scope == "all" else result[scope][name][level]
        figures["intervals"] = {statistic: _bounds(bounds) for statistic, bounds in found[source].items()}


def _places(table: pa.Table, level: str) -> list[_PART]:
    fakes = np.flatnonzero(table["label"].to_numpy() == 1)
    methods = table["method"].take(pa.array(fakes)).unique().to_pylist()
    corpora = table["corpus"].unique().to_pylist()
    named = [("per_method", name) for name in methods] + [("per_corpus", name) for name in corpora]
    return [(level, "all", ""), *((level, scope, name) for scope, name in named)]


def _parts(item: Level, clusters: NDArray[np.intp], threshold: float, level: str) -> dict[_PART, Slice]:
    """The slices of a level; their reals are the same object where they are the same."""
    table = item.table
    scores, fake = table["score"].to_numpy(), table["label"].to_numpy() == 1
    mine = clusters[item.video]
    corpus, corpora = _coded(table["corpus"])
    method, methods = _coded(table["method"])
    with_reals = frozenset(np.unique(corpus[~fake]).tolist())
    sides: dict[frozenset[int], Side] = {}

    def reals(chosen: frozenset[int]) -> Side:
        wanted = chosen & with_reals
        if wanted not in sides:
            rows = np.flatnonzero(~fake & np.isin(corpus, list(wanted)))
            sides[wanted] = Side(scores[rows], mine[rows])
        return sides[wanted]

    def part(rows: NDArray[np.bool_], chosen: frozenset[int]) -> Slice:
        return Slice(reals(chosen), Side(scores[rows], mine[rows]), threshold=threshold)

    found = {(level, "all", ""): part(fake, with_reals)}
    for code, name in enumerate(methods):
        rows = fake & (method == code)
        if rows.any():
            found[level, "per_method", name] = part(rows, frozenset(np.unique(corpus[rows]).tolist()))
    for code, name in enumerate(corpora):
        found[level, "per_corpus", name] = part(fake & (corpus == code), frozenset([code]))
    return found


def _compare(
    item: Level,
    other: pa.Table,
    clusters: NDArray[np.intp],
    *,
    level: str,
    aggregate: str,
    threshold: float,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Paired differences from another model, on what both have scored."""
    theirs = levels_of(scored(in_order(other)), how=aggregate)
    if level not in theirs:
        raise DataError(f"The predictions to compare with have no {level} level.", next_step="Compare by video.")
    keys = _JOINED[level]
    mine = item.table.select([*dict.fromkeys([*keys, "score", "label"])])
    mine = mine.append_column("cluster", pa.array(clusters[item.video]))
    yours = theirs[level].table.select([*dict.fromkeys([*keys, "score", "label"])])
    both = mine.join(yours, list(keys), join_type="inner", right_suffix="_other").sort_by(
        [(key, "ascending") for key in keys]
    )
    if not len(both):
        raise DataError(
            f"The predictions to compare with share no {level} with those evaluated.",
            next_step="Predict the same videos with both; they are joined by corpus, method and video_id.",
        )
    labels = both["label"].to_numpy()
    if np.any(labels != both["label_other"].to_numpy()):
        raise DataError("The predictions to compare with contradict the labels of those evaluated.")
    _, numbers = np.unique(both["cluster"].to_numpy(), return_inverse=True)
    count = int(numbers.max()) + 1
    first, second = (
        slice_of(both[name].to_numpy(), labels, numbers, threshold=threshold) for name in ("score", "score_other")
    )
    found = paired_differences(first, second, clusters=count, replicates=replicates, seed=seed)
    return {
        "level": level,
        "common": len(both),
        "only_here": len(mine) - len(both),
        "only_there": len(yours) - len(both),
        "clusters": count,
        "threshold": threshold,
        "p_values": f"two-sided, paired, {replicates:,} replicates, not corrected for several figures",
        "differences": {
            name: {key: _number(value) for key, value in asdict(item).items() if key != "clusters"}
            for name, item in found.items()
        },
    }


def _bootstrap_facts(clusters: Clusters, count: int, replicates: int, seed: int) -> dict[str, Any]:
    kind = {"identity": "identity (videos that share one are drawn together)", "video": "video"}[clusters.kind]
    return {
        "clusters": clusters.kind,
        "n_clusters": count,
        "replicates": replicates,
        "seed": seed,
        "confidence": CONFIDENCE,
        "text": f"{CONFIDENCE:.0%} percentile intervals of {replicates:,} replicates, by {kind}, {count:,} clusters",
        "without": ["ece"],  # resampling repeats rows, which alone raises a calibration error
    }


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _bounds(interval: Interval) -> list[float] | None:
    return None if math.isnan(interval.low) else [interval.low, interval.high]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
