"""The report's training curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from zoo.plugins.specs import Section
from zoo.report.figures import SERIES, draw
from zoo.report.render import render
from zoo.report.run import Run

Curves = Mapping[str, Mapping[int, float]]

_MOST_POINTS: Final = 400
_PANELS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    # title of a panel of evaluations, and the endings of the names it shows
    ("AUC and average precision at evaluations", ("/auc", "/average_precision")),
    ("Macro F1 and accuracy at evaluations", ("/macro_f1", "/accuracy")),
)


def training_section(run: Run) -> Iterator[Section]:
    """Loss terms, learning rate, gradient norm and throughput by iteration; figures by evaluation."""
    panels = [
        ("Loss", "iteration", {name: run.training[name] for name in run.training if "loss" in name}),
        ("Learning rate", "iteration", _named(run.training, "lr")),
        ("Gradient norm", "iteration", _named(run.training, "grad_norm")),
        ("Samples a second", "iteration", _named(run.training, "throughput", "samples_per_s")),
        *((title, "evaluation at step", _ending(run.evaluations, endings)) for title, endings in _PANELS),
    ]
    figures = [(title, _draw(title, axis, curves)) for title, axis, curves in panels if curves]
    if figures:
        yield Section("Training", render("figures.html", figures=figures), order=20)


def _named(curves: Curves, *names: str) -> Curves:
    return {name: points for name, points in curves.items() if name.rpartition("/")[2] in names}


def _ending(curves: Curves, endings: tuple[str, ...]) -> Curves:
    return {name: curves[name] for name in sorted(curves, reverse=True) if name.endswith(endings)}


def _draw(title: str, axis: str, curves: Curves) -> Markup:
    def paint(axes: Axes) -> None:
        for index, (name, points) in enumerate(curves.items()):
            steps, values = averaged(points)
            marker = "o" if len(steps) < 40 else None
            style = ("-", "--", ":", "-.")[index // len(SERIES) % 4]
            axes.plot(
                steps, values, style, color=SERIES[index % len(SERIES)], label=name, marker=marker, markersize=2.5
            )
        axes.set_xlabel(axis)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
        if len(curves) > 1:
            axes.legend(loc="best", handlelength=1.4)

    last = ", ".join(f"{name} ends at {list(points.values())[-1]:.4g}" for name, points in curves.items() if points)
    return draw(paint, label=f"{title} by {axis}: {last}")


def averaged(points: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values, neighbours averaged where there are more points than a picture shows."""
    steps, values = np.array(list(points), dtype=float), np.array(list(points.values()), dtype=float)
    if len(steps) <= _MOST_POINTS:
        return steps, values
    groups = np.array_split(np.arange(len(steps)), _MOST_POINTS)
    return steps[[group[-1] for group in groups]], np.array([values[group].mean() for group in groups])
