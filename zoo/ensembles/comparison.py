"""What each member is worth beside the others: figures, leave-one-out gains, errors in common, and a paired test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zoo.ensembles.ensemble import Ensemble
from zoo.ensembles.joining import Joined
from zoo.errors import DataError
from zoo.metrics.bootstrap import paired_difference
from zoo.metrics.summary import level_figures

Floats = NDArray[np.float64]

FIGURES: Final = ("auc", "average_precision", "eer", "accuracy", "ece", "brier")
"""What is told of the ensemble and of every member."""


def without(joined: Joined, name: str) -> Joined:
    """The videos that others than member ``name`` score, without that member."""
    column = joined.members.index(name)
    rest = Joined(
        (*joined.members[:column], *joined.members[column + 1 :]),
        joined.videos,
        np.delete(joined.scores, column, axis=1),
        joined.statuses,
    )
    return rest.take(np.any(~np.isnan(rest.scores), axis=1))


def figures_of(scores: Floats, labels: NDArray[np.int8]) -> dict[str, Any]:
    """Figures of the videos that have a score and a label; what these leave undefined is None.

    Args:
        scores: [n], NaN without one.
        labels: [n], -1 where unknown.

    Returns:
        `FIGURES` and ``videos``.
    """
    used = ~np.isnan(scores) & (labels >= 0)
    figures = level_figures(pa.table({"score": scores[used], "label": labels[used]}))
    return {**{name: figures[name] for name in FIGURES}, "videos": figures["n"]}


def member_figures(joined: Joined) -> dict[str, dict[str, Any]]:
    """`figures_of` every member, on the videos that it scores."""
    return {name: figures_of(joined.scores[:, column], joined.labels) for column, name in enumerate(joined.members)}


def best_member(joined: Joined) -> str:
    """The member with the highest AUC, the first of equals: on the videos that all of them score, where these are of
    both classes, else each on its own.

    Raises:
        DataError: no member has an AUC, for the labelled videos are of one class.
    """
    common = joined.take(~np.isnan(joined.scores).any(axis=1) & (joined.labels >= 0))
    figures = member_figures(common if len(np.unique(common.labels)) > 1 else joined)
    ranked = {name: values["auc"] for name, values in figures.items() if values["auc"] is not None}
    if not ranked:
        counts = [int((joined.labels == label).sum()) for label in (0, 1)]
        raise DataError(
            f"No member can be judged on one class: there are {counts[0]} real and {counts[1]} fake videos.",
            next_step="Give videos of both classes, with labels.",
        )
    return max(ranked, key=lambda name: ranked[name])


def calibration_figures(ensemble: Ensemble, joined: Joined) -> dict[str, dict[str, Any]] | None:
    """ECE and Brier score of the combined scores, ``before`` and ``after`` the calibrator; None without one."""
    if ensemble.calibrator is None:
        return None
    combined = ensemble.combiner(joined.arranged(ensemble.members).scores)
    stages = {"before": combined, "after": ensemble.calibrator(combined)}
    return {
        stage: {key: figures_of(scores, joined.labels)[key] for key in ("ece", "brier")}
        for stage, scores in stages.items()
    }


def error_correlation(joined: Joined) -> dict[str, Any]:
    """How far members err on the same videos: Pearson's correlation of |score - label|, for every pair.

    Returns:
        ``members``, and by row and column of them ``matrix`` (None where two share fewer than two videos, or one's
        errors are all alike) and ``videos``, which both score.
    """
    known = joined.labels >= 0
    errors = np.abs(joined.scores[known] - joined.labels[known, None])
    count = len(joined.members)
    matrix: list[list[float | None]] = [[None] * count for _ in range(count)]
    videos = [[0] * count for _ in range(count)]
    for row in range(count):
        for column in range(row + 1):
            both = ~np.isnan(errors[:, row]) & ~np.isnan(errors[:, column])
            value = _correlation(errors[both, row], errors[both, column])
            matrix[row][column] = matrix[column][row] = value
            videos[row][column] = videos[column][row] = int(both.sum())
    return {"members": list(joined.members), "matrix": matrix, "videos": videos}


def leave_one_out(
    joined: Joined, combined: Floats, reduced: Mapping[str, Ensemble | None]
) -> dict[str, dict[str, Any] | None]:
    """What each member adds: AUC of the ensemble minus that of the ensemble fitted without it, on the same videos.

    Args:
        joined: what is evaluated.
        combined: scores [n] of the whole ensemble, NaN without one.
        reduced: the ensemble without each member; None where it could not be fitted.

    Returns:
        By member ``gain`` (None where undefined), ``auc``, ``auc_without`` and ``videos``; or None.
    """
    gains: dict[str, dict[str, Any] | None] = {}
    for name in joined.members:
        ensemble = reduced.get(name)
        if ensemble is None:
            gains[name] = None
            continue
        column = joined.members.index(name)
        some = ~np.isnan(np.delete(joined.scores, column, axis=1)).all(axis=1)
        rest = without(joined, name)
        scores = ensemble.predict(rest)["score"].to_numpy()
        whole, less = figures_of(combined[some], rest.labels), figures_of(scores, rest.labels)
        gain = None if None in (whole["auc"], less["auc"]) else whole["auc"] - less["auc"]
        gains[name] = {
            "gain": gain,
            "auc": whole["auc"],
            "auc_without": less["auc"],
            "videos": less["videos"],
        }
    return gains


def against_member(joined: Joined, combined: Floats, name: str, *, replicates: int = 1000) -> dict[str, Any]:
    """The paired bootstrap of the ensemble's AUC against that of one member, on the videos that the member scores.

    Args:
        joined: what is evaluated.
        combined: scores [n] of the ensemble, NaN without one.
        name: of the member.
        replicates: of the bootstrap.

    Returns:
        ``member``, ``videos``, ``difference``, ``low`` and ``high`` of its 95% interval, ``p_value``, ``replicates``;
        what is undefined is None.
    """
    single = joined.scores[:, joined.members.index(name)]
    used = ~np.isnan(single) & ~np.isnan(combined) & (joined.labels >= 0)
    labels = joined.labels[used]
    told: dict[str, Any] = dict.fromkeys(("difference", "low", "high", "p_value"))
    if len(np.unique(labels)) > 1:
        found = asdict(paired_difference(combined[used], single[used], labels, replicates=replicates))
        told = {key: _finite(found[key]) for key in told}
    return {"member": name, "videos": int(used.sum()), **told, "replicates": replicates}


def _correlation(first: Floats, second: Floats) -> float | None:
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
