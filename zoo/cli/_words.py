"""How figures are written on a terminal."""

from __future__ import annotations


def rate(value: float | None) -> str:
    """Four decimals; a dash where it is undefined."""
    return "–" if value is None else f"{value:.4f}"
