"""The report's curves and counts: ROC, precision-recall, scores by class, confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes

from zoo.metrics.ranking import Ranking, rank
from zoo.metrics.summary import LEVELS
from zoo.metrics.table import by_video, in_order, pair_of, scored
from zoo.plugins.specs import Section
from zoo.report.figures import ACCENT, FAKE, INK, MUTED, REAL, draw, thin
from zoo.report.render import rate, render
from zoo.report.run import Run


def evaluation_section(run: Run) -> Iterator[Section]:
    """ROC, precision-recall and score histogram, as far as both classes are there, and confusion matrices."""
    if run.predictions is None:
        return
    samples = scored(in_order(run.predictions))
    levels = {"video": by_video(samples, how=run.aggregate), "sample": samples}
    if len(levels["video"]) == len(samples):  # one sample a video: both levels are the same
        del levels["sample"]
    rankings = {level: rank(*pair_of(rows)) for level, rows in levels.items()}
    figures = []
    if not rankings["video"].one_class:
        figures = [
            ("ROC", draw(_roc(rankings, run), label=_told("ROC curve, AUC", run, rankings, "auc"))),
            (
                "Precision and recall",
                draw(
                    _precision_recall(rankings, run),
                    label=_told("Precision by recall, average precision", run, rankings, "average_precision"),
                ),
            ),
        ]
    if len(samples):
        figures.append(("Scores by class", draw(_histogram(levels["video"], run), label=_told_scores(levels["video"]))))
    yield Section(
        "Evaluation",
        render(
            "evaluation.html",
            figures=figures,
            matrices={level: run.summary[level] for level in levels},
            threshold=run.threshold,
        ),
        order=30,
    )


def _roc(rankings: Mapping[str, Ranking], run: Run) -> Callable[[Axes], None]:
    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        for level, ranking in rankings.items():
            fpr, tpr, _ = ranking.roc()
            name = f"by {level}, AUC {rate(run.summary[level]['auc'])}"
            axes.plot(*thin(fpr, tpr), label=name, **_line(level))
        (tn, fp), (fn, tp) = run.summary["video"]["confusion_matrix"]
        axes.plot(
            fp / (fp + tn),
            tp / (tp + fn),
            "o",
            color=FAKE,
            markersize=5,
            label=f"threshold {run.threshold:g}",
            clip_on=False,
            linestyle="none",
        )
        _unit_square(axes, "false positive rate: reals called fake", "true positive rate: fakes called fake")
        axes.legend(loc="lower right")

    return paint


def _precision_recall(rankings: Mapping[str, Ranking], run: Run) -> Callable[[Axes], None]:
    def paint(axes: Axes) -> None:
        share = rankings["video"].positives / (rankings["video"].positives + rankings["video"].negatives)
        axes.axhline(share, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        for level, ranking in rankings.items():
            precision, recall, _ = ranking.precision_recall()
            name = f"by {level}, AP {rate(run.summary[level]['average_precision'])}"
            axes.step(
                *thin(np.append(0.0, recall), np.append(precision[0], precision)),
                where="pre",
                label=name,
                **_line(level),
            )
        _unit_square(axes, "recall: share of the fakes found", "precision: share of the finds that are fake")
        axes.legend(loc="lower left")

    return paint


def _histogram(videos: pa.Table, run: Run) -> Callable[[Axes], None]:
    def paint(axes: Axes) -> None:
        scores, labels = pair_of(videos)
        edges = np.linspace(0.0, 1.0, 31)
        for label, (name, color) in enumerate((("real", REAL), ("fake", FAKE))):
            mine = scores[labels == label]
            if not len(mine):
                continue
            share = np.histogram(mine, edges)[0] / len(mine)
            axes.stairs(share, edges, fill=True, color=color, alpha=0.28, linewidth=0)
            axes.stairs(share, edges, color=color, linewidth=1.4, label=f"{name} ({len(mine)})")
        axes.axvline(
            run.threshold, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=f"threshold {run.threshold:g}"
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("score: 0 real, 1 fake")
        axes.set_ylabel("share of the class's videos")
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, columnspacing=1.2, handlelength=1.4
        )

    return paint


def _line(level: str) -> dict[str, Any]:
    return {"color": ACCENT} if level == "video" else {"color": MUTED, "linewidth": 1.1, "linestyle": "--"}


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.005)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _told(what: str, run: Run, rankings: Mapping[str, Ranking], figure: str) -> str:
    return f"{what} " + ", ".join(
        f"{rate(run.summary[level][figure])} by {level}" for level in LEVELS if level in rankings
    )


def _told_scores(videos: pa.Table) -> str:
    scores, labels = pair_of(videos)
    medians = [
        f"median score of {name} videos {np.median(scores[labels == label]):.3f}"
        for label, name in enumerate(("real", "fake"))
        if np.any(labels == label)
    ]
    return "Histogram of scores by class: " + ", ".join(medians)
