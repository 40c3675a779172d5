"""All figures of a predictions table, at every level and in slices, ready for JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from zoo.metrics.aggregation import MEAN, aggregation_text
from zoo.metrics.calibration import brier, expected_calibration_error
from zoo.metrics.levels import levels_of
from zoo.metrics.ranking import LOW_FPRS, PARTIAL_FPR, Ranking, rank
from zoo.metrics.table import in_order, pair_of, scored
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
    "partial_auc",
    *LOW_FPRS,
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "log_loss",
    "brier",
    "ece",
)
"""Figures of a level that are one number each."""
FIGURE_NAMES: Final[Mapping[str, str]] = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "eer": "Equal error rate",
    "partial_auc": f"Partial AUC, FPR ≤ {PARTIAL_FPR:.0%}",
    **{name: f"TPR at FPR {limit:.1%}".replace(".0%", "%") for name, limit in LOW_FPRS.items()},
    "macro_f1": "Macro F1",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Expected calibration error",
}
"""What people call the figures of `SCALARS`."""
_FALSE_POSITIVES: Final = 10  # so many must fit below a false positive rate before it is measured, not guessed


def summarize(table: pa.Table, *, threshold: float = DEFAULT_THRESHOLD, aggregate: str = MEAN) -> dict[str, Any]:
    """Figures of a table with the columns of ``zoo.metrics.table.SCHEMA``; the order of its rows does not matter.

    Args:
        table: the predictions.
        threshold: score from which a sample or a video is called fake.
        aggregate: makes one score of a video of many, see `zoo.metrics.aggregation.aggregate`.

    Returns:
        ``video``, ``sample`` and, where videos have several known faces, ``track``: figures of each level (see
        `level_figures`); ``per_method``: for each method with fakes, the levels of its fakes against all reals of the
        same corpora; ``per_corpus``: the levels of each corpus; ``n``: rows; ``unlabelled``: rows without a label;
        ``status``: rows by status; ``threshold``, ``aggregate`` and, for people, ``video_score``: how a video's score
        comes about. Rows that are not ``ok`` or not labelled are counted there and enter no figure. NaN never occurs:
        an undefined figure is None and ``undefined`` says why.
    """
    table = in_order(table)
    levels = {name: level.table for name, level in levels_of(scored(table), how=aggregate).items()}
    return figures_of(levels, threshold=threshold) | facts_of(table, threshold=threshold, aggregate=aggregate)


def figures_of(levels: Mapping[str, pa.Table], *, threshold: float) -> dict[str, Any]:
    """Figures of each level's rows: all of them, and ``per_method`` and ``per_corpus``, as `summarize` gives them."""

    def parts(cut: Callable[[pa.Table], dict[str, pa.Table]]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for level, rows in levels.items():
            for name, part in cut(rows).items():
                found.setdefault(name, {})[level] = level_figures(part, threshold=threshold)
        return found

    return {
        **{level: level_figures(rows, threshold=threshold) for level, rows in levels.items()},
        "per_method": parts(method_slices),
        "per_corpus": parts(corpus_slices),
    }


def facts_of(table: pa.Table, *, threshold: float, aggregate: str) -> dict[str, Any]:
    """What stands beside the figures of ``table``: numbers of rows, and how videos are scored and called."""
    statuses = sorted(pc.value_counts(table["status"]).to_pylist(), key=lambda item: item["values"])
    return {
        "n": len(table),
        "unlabelled": table["label"].null_count,
        "status": {item["values"]: item["counts"] for item in statuses},
        "threshold": threshold,
        "aggregate": aggregate,
        "video_score": aggregation_text(aggregate),
    }


def level_figures(table: pa.Table, *, threshold: float = DEFAULT_THRESHOLD) -> dict[str, Any]:
    """Figures of one level, of columns ``score`` and ``label`` without nulls.

    Returns:
        `SCALARS`, ``per_class`` (``real`` and ``fake``, each precision, recall, f1 and support), ``confusion_matrix``
        (``[[tn, fp], [fn, tp]]``), ``n``, ``n_real`` and ``n_fake``. What the data leaves undefined is None, and
        ``undefined`` then maps its name to the reason. ``caveats`` maps figures at a low false positive rate to what
        is wrong with them where there are too few reals to measure that rate.
    """
    scores, labels = pair_of(table)
    ranking = rank(scores, labels)
    matrix = confusion_matrix(scores, labels, threshold=threshold)
    figures: dict[str, Any] = {
        "auc": ranking.auc(),
        "average_precision": ranking.average_precision(),
        "eer": ranking.eer(),
        "partial_auc": ranking.partial_auc(),
        **{name: ranking.tpr_at_fpr(limit) for name, limit in LOW_FPRS.items()},
        "accuracy": accuracy(matrix),
        "balanced_accuracy": balanced_accuracy(matrix),
        "macro_f1": macro_f1(matrix),
        "log_loss": log_loss(scores, labels),
        "brier": brier(scores, labels),
        "ece": expected_calibration_error(scores, labels),
    }
    undefined = {name: _reason(ranking) for name, value in figures.items() if math.isnan(value)}
    caveats = low_fpr_caveats(ranking)
    per_class = {name: dataclasses.asdict(item) for name, item in class_figures(matrix).items()}
    return {
        **without_nan(figures),
        "per_class": {name: without_nan(item) for name, item in per_class.items()},
        "confusion_matrix": matrix.tolist(),
        "n": len(table),
        "n_real": ranking.negatives,
        "n_fake": ranking.positives,
        **({"undefined": undefined} if undefined else {}),
        **({"caveats": caveats} if caveats else {}),
    }


def low_fpr_caveats(ranking: Ranking) -> dict[str, str]:
    """Why a figure at a low false positive rate means little: fewer than ten reals may be called fake below it."""
    if ranking.one_class:
        return {}
    caveats = {}
    for name, limit in LOW_FPRS.items():
        allowed = int(ranking.negatives * limit + 1e-9)
        if allowed < _FALSE_POSITIVES:
            caveats[name] = (
                f"{ranking.negatives:,} reals allow {allowed} to be called fake at this rate; at least "
                f"{_FALSE_POSITIVES / limit:,.0f} reals are needed to measure it"
            )
    return caveats


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


def _reason(ranking: Ranking) -> str:
    if ranking.positives == ranking.negatives == 0:
        return "no labelled sample has a score"
    absent, present = ("fake", "real") if ranking.positives == 0 else ("real", "fake")
    return f"no {absent} sample among {ranking.positives + ranking.negatives} ({present} only)"


def without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with None in place of NaN, for JSON."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
