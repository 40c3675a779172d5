"""All figures of a predictions table, at two levels and in slices, ready for JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from zoo.metrics.ranking import Ranking, rank
from zoo.metrics.table import by_video, in_order, pair_of, scored
from zoo.metrics.thresholded import (
    DEFAULT_THRESHOLD,
    accuracy,
    balanced_accuracy,
    class_figures,
    confusion_matrix,
    log_loss,
    macro_f1,
)
from zoo.structures import FAKE, REAL

LEVELS: Final = ("video", "sample")
SCALARS: Final = (
    "auc",
    "average_precision",
    "eer",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "log_loss",
)
"""Figures of a level that are one number each."""


def summarize(table: pa.Table, *, threshold: float = DEFAULT_THRESHOLD) -> dict[str, Any]:
    """Figures of a table with the columns of ``zoo.metrics.table.SCHEMA``; the order of its rows does not matter.

    Returns:
        ``video`` and ``sample``: figures of each level (see `level_figures`); ``per_method``: for each method with
        fakes, both levels of its fakes against all reals of the same corpora; ``per_corpus``: both levels of each
        corpus; ``n``: rows; ``unlabelled``: rows without a label; ``status``: rows by status; ``threshold`` and
        ``video_score``: how a video's score comes about. Rows that are not ``ok`` or not labelled are counted there
        and enter no figure. NaN never occurs: an undefined figure is None and ``undefined`` says why.
    """
    table = in_order(table)
    rows = scored(table)
    statuses = sorted(pc.value_counts(table["status"]).to_pylist(), key=lambda item: item["values"])
    return {
        **_levels(rows, threshold),
        "per_method": {name: _levels(part, threshold) for name, part in method_slices(rows).items()},
        "per_corpus": {name: _levels(part, threshold) for name, part in corpus_slices(rows).items()},
        "n": len(table),
        "unlabelled": table["label"].null_count,
        "status": {item["values"]: item["counts"] for item in statuses},
        "threshold": threshold,
        "video_score": "mean of the scores of its samples",
    }


def level_figures(table: pa.Table, *, threshold: float = DEFAULT_THRESHOLD) -> dict[str, Any]:
    """Figures of one level, of columns ``score`` and ``label`` without nulls.

    Returns:
        `SCALARS`, ``per_class`` (``real`` and ``fake``, each precision, recall, f1 and support), ``confusion_matrix``
        (``[[tn, fp], [fn, tp]]``), ``n``, ``n_real`` and ``n_fake``. What the data leaves undefined is None, and
        ``undefined`` then maps its name to the reason.
    """
    scores, labels = pair_of(table)
    ranking = rank(scores, labels)
    matrix = confusion_matrix(scores, labels, threshold=threshold)
    figures: dict[str, Any] = {
        "auc": ranking.auc(),
        "average_precision": ranking.average_precision(),
        "eer": ranking.eer(),
        "accuracy": accuracy(matrix),
        "balanced_accuracy": balanced_accuracy(matrix),
        "macro_f1": macro_f1(matrix),
        "log_loss": log_loss(scores, labels),
    }
    undefined = {name: _reason(ranking) for name, value in figures.items() if math.isnan(value)}
    per_class = {name: dataclasses.asdict(item) for name, item in class_figures(matrix).items()}
    return {
        **_without_nan(figures),
        "per_class": {name: _without_nan(item) for name, item in per_class.items()},
        "confusion_matrix": matrix.tolist(),
        "n": len(table),
        "n_real": ranking.negatives,
        "n_fake": ranking.positives,
        **({"undefined": undefined} if undefined else {}),
    }


def method_slices(rows: pa.Table) -> dict[str, pa.Table]:
    """For each method that has fakes: its fakes, and every real of the corpora in which it occurs."""
    fakes = rows.filter(pc.equal(rows["label"], FAKE))
    reals = rows.filter(pc.equal(rows["label"], REAL))
    slices = {}
    for method in sorted(pc.unique(fakes["method"]).to_pylist()):
        made = fakes.filter(pc.equal(fakes["method"], method))
        beside = reals.filter(pc.is_in(reals["corpus"], pc.unique(made["corpus"])))
        slices[method] = pa.concat_tables([beside, made])
    return slices


def corpus_slices(rows: pa.Table) -> dict[str, pa.Table]:
    """The rows of each corpus."""
    names = sorted(pc.unique(rows["corpus"]).to_pylist())
    return {name: rows.filter(pc.equal(rows["corpus"], name)) for name in names}


def scalars_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """``{"video/auc": ..., "sample/eer": ...}``: the figures of both levels, flat, NaN where undefined."""
    return {
        f"{level}/{name}": math.nan if summary[level][name] is None else summary[level][name]
        for level in LEVELS
        for name in SCALARS
    }


def _levels(rows: pa.Table, threshold: float) -> dict[str, Any]:
    return {
        "video": level_figures(by_video(rows), threshold=threshold),
        "sample": level_figures(rows, threshold=threshold),
    }


def _reason(ranking: Ranking) -> str:
    if ranking.positives == ranking.negatives == 0:
        return "no labelled sample has a score"
    absent, present = ("fake", "real") if ranking.positives == 0 else ("real", "fake")
    return f"no {absent} sample among {ranking.positives + ranking.negatives} ({present} only)"


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
