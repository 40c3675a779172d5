"""Templates of the report; everything that is filled in is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup


def render(template: str, **values: Any) -> Markup:
    """The HTML of ``zoo/report/<template>``."""
    return Markup(_ENVIRONMENT.get_template(template).render(**values))


def rate(value: float | None) -> str:
    """``0.9876`` as ``0.988``; a dash where it is undefined."""
    return "–" if value is None else f"{value:.3f}"


def count(value: int) -> str:
    """``1234567`` as ``1 234 567``, with spaces that do not break."""
    return f"{value:,}".replace(",", "\u202f")


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"rate": rate, "count": count}
