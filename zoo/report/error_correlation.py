"""Which members of an ensemble err on the same videos, as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.files import atomic_write


def draw_error_correlation(path: str | os.PathLike, told: Mapping[str, Any]) -> None:
    """Write a heat map, .png or .svg by the suffix.

    Args:
        path: of the file.
        told: what ``zoo.ensembles.comparison.error_correlation`` returns.

    Raises:
        WorkDirError: it cannot be written.
    """
    names = list(told["members"])
    values = np.array([[np.nan if value is None else value for value in row] for row in told["matrix"]], float)
    side = 2.2 + 0.7 * len(names)
    figure = Figure(figsize=(side + 1.0, side), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(values, vmin=-1, vmax=1, cmap="RdBu_r")
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_title("correlation of errors |score - label|", fontsize=10)
    for row, column in np.ndindex(values.shape):
        value, videos = values[row, column], told["videos"][row][column]
        text = "–" if np.isnan(value) else f"{value:.2f}"
        colour = "white" if abs(value) > 0.6 else "black"
        axes.text(column, row, f"{text}\nn = {videos:,}", ha="center", va="center", fontsize=8, color=colour)
    figure.colorbar(image, shrink=0.8)
    with atomic_write(path) as file:
        figure.savefig(file, format=Path(path).suffix.removeprefix("."), metadata={})
