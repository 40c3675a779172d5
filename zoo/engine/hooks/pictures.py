"""ROC curve and score histogram of each evaluation, as pictures in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mmengine.hooks import Hook
from sklearn.metrics import roc_auc_score, roc_curve

from zoo.structures import FAKE, REAL


class EvaluationPictures(Hook):
    """Draw the scores of every evaluation within training.

    They come from the metric that keeps ``table``, a pyarrow table with the columns ``label`` and ``score``; tables of
    other columns, such as those of segments, are passed over. Rows without a score or a label are left out.

    Args:
        bins: bars of the histogram.
    """

    priority = "LOW"

    def __init__(self, bins: int = 40) -> None:
        self.bins = bins

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        if runner.rank != 0 or not runner.is_training:
            return
        for metric in runner.val_evaluator.metrics:
            table = getattr(metric, "table", None)
            if table is None or not {"label", "score"} <= set(table.column_names):
                continue
            labels = table["label"].to_numpy(zero_copy_only=False).astype(float)
            scores = table["score"].to_numpy(zero_copy_only=False).astype(float)
            known = np.isfinite(labels) & np.isfinite(scores)
            for name, figure in evaluation_figures(labels[known].astype(int), scores[known], bins=self.bins).items():
                runner.visualizer.add_image(f"val/{name}", to_picture(figure), step=runner.iter)


def evaluation_figures(labels: np.ndarray, scores: np.ndarray, *, bins: int = 40) -> dict[str, Figure]:
    """``roc`` (only with both classes present) and ``scores`` of ``labels`` [n] (0 real, 1 fake), ``scores`` [n]."""
    figures = {}
    if len(np.unique(labels)) == 2:
        false_positive, true_positive, _ = roc_curve(labels, scores)
        figure = Figure(figsize=(5, 5), layout="tight")
        axes = figure.add_subplot(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
        axes.set_title(f"ROC, AUC {roc_auc_score(labels, scores):.4f}")
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axes.plot(false_positive, true_positive)
        figures["roc"] = figure
    figure = Figure(figsize=(6, 4), layout="tight")
    axes = figure.add_subplot(xlabel="score (1 = fake)", ylabel="samples", title="Scores")
    for label, name in ((REAL, "real"), (FAKE, "fake")):
        axes.hist(scores[labels == label], bins=np.linspace(0, 1, bins + 1).tolist(), alpha=0.6, label=name)
    axes.legend()
    figures["scores"] = figure
    return figures


def to_picture(figure: Figure) -> np.ndarray:
    """``figure`` as uint8 [h, w, 3]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
