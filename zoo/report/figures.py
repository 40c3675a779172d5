"""Pictures of the report: matplotlib's SVG, made to take its colours and fonts from the page."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from html import escape
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

INK: Final = "#010203"
MUTED: Final = "#010204"
LINE: Final = "#010205"
REAL: Final = "#010206"
FAKE: Final = "#010207"
ACCENT: Final = "#010208"
SERIES: Final = (ACCENT, FAKE, REAL, MUTED, INK)
"""Stand-ins that the page replaces with its own colours, one set for light and one for dark."""

_VARIABLES: Final = {INK: "ink", MUTED: "muted", LINE: "line", REAL: "real", FAKE: "fake", ACCENT: "accent"}
_STYLE: Final[dict[Any, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",  # text stays text: searchable, and in the page's font
    "svg.hashsalt": "zoo",  # the same run gives the same bytes
    "text.color": INK,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
}


def draw(paint: Callable[[Axes], None], *, label: str, width: float = 4.8, height: float = 3.2) -> Markup:
    """An inline ``<svg>`` of ``width`` x ``height`` inches at natural size, which scales with the page.

    Args:
        paint: draws on the axes it is given, in the colours of this module.
        label: what the picture shows, for those who do not see it.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return Markup(_inline(buffer.getvalue(), label=label))


def thin(x: NDArray[np.float64], y: NDArray[np.float64], *, grid: int = 500) -> tuple[NDArray, NDArray]:
    """The points of a curve in the unit square that differ on a grid of ``grid`` x ``grid``; its ends stay."""
    cells = np.round(np.stack([x, y]) * grid)
    moved = np.any(np.diff(cells, axis=1) != 0, axis=0)
    keep = np.concatenate([[True], moved]) | np.concatenate([moved, [True]])  # both sides of a jump
    return x[keep], y[keep]


def _inline(svg: str, *, label: str) -> str:
    """``svg`` without what a page does not want: declarations, metadata, fixed size, fonts and colliding ids."""
    view = re.search(r'viewBox="([^"]+)"', svg)
    assert view is not None
    body = svg[svg.index("<g id=") : svg.rindex("</svg>")]
    body = re.sub(r"font-family: [^;\"]+;? ?", "", body)
    body = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", body)
    body = body.replace("xlink:href", "href")
    prefix = f"f{hashlib.sha256((label + svg).encode()).hexdigest()[:8]}-"
    body = re.sub(r'(id="|url\(#|href="#)', lambda match: match[1] + prefix, body)
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, f"var(--{variable})")
    return f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(label)}">{body}</svg>'
