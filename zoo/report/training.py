"""The report's training curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
_PANELS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    # title of a panel, and which curves it shows
    ("Training loss and its terms", lambda name: name.startswith("train/") and "loss" in name),
    ("Learning rate", lambda name: name == "train/lr"),
    ("Gradient norm", lambda name: name == "train/grad_norm"),
    ("Samples a second", lambda name: name == "time/samples_per_s"),
    ("AUC on the validation data", lambda name: name.startswith("val/") and name.endswith("/auc")),
    ("Macro F1 on the validation data", lambda name: name.startswith("val/") and name.endswith("/macro_f1")),
)


def training_section(run: Run) -> Iterator[Section]:
    """Loss terms, learning rate, gradient norm, throughput, and figures of the validation data, by iteration."""
    figures = []
    for title, belongs in _PANELS:
        curves = {name: points for name, points in run.curves.items() if belongs(name)}
        if curves:
            figures.append((title, _draw(title, curves)))
    if figures:
        yield Section("Training", render("figures.html", figures=figures), order=20)


def _draw(title: str, curves: Curves) -> Markup:
    def paint(axes: Axes) -> None:
        for index, (name, points) in enumerate(curves.items()):
            steps, values = averaged(points)
            marker = "o" if len(steps) < 40 else None
            style = ("-", "--", ":", "-.")[index // len(SERIES) % 4]
            label = name.partition("/")[2].removesuffix("/auc").removesuffix("/macro_f1")
            color = SERIES[index % len(SERIES)]
            axes.plot(steps, values, style, color=color, label=label, marker=marker, markersize=2.5)
        axes.set_xlabel("iteration")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
        if len(curves) > 1:
            axes.legend(loc="best", handlelength=1.4)

    last = ", ".join(f"{name} ends at {list(points.values())[-1]:.4g}" for name, points in curves.items())
    return draw(paint, label=f"{title} by iteration: {last}")


def averaged(points: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values, neighbours averaged where there are more points than a picture shows."""
    steps, values = np.array(list(points), dtype=float), np.array(list(points.values()), dtype=float)
    if len(steps) <= _MOST_POINTS:
        return steps, values
    groups = np.array_split(np.arange(len(steps)), _MOST_POINTS)
    return steps[[group[-1] for group in groups]], np.array([values[group].mean() for group in groups])
