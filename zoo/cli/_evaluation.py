"""An evaluation on the terminal: figures with intervals, slices, comparisons, and every warning by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from zoo.cli._words import rate
from zoo.metrics.summary import FIGURE_NAMES

_SLICED: Final = ("auc", "eer")
_WIDE: Final = 105  # columns of a terminal on which three levels with intervals stand side by side


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print the figures of all levels, the slices of the primary one, comparisons, notes and warnings."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, markup=False, highlight=False, style=style, soft_wrap=True)

    levels, level = list(results["levels"]), results["primary_level"]
    gap = "\n" if len(levels) > 2 and console.width < _WIDE else " "
    table = _table("figure", [f"by {name}{gap}(n = {results[name]['n']:,})" for name in levels], results["experiment"])
    for key, title in FIGURE_NAMES.items():
        table.add_row(title, *(_figure(results[name], key).replace(" ", gap, 1) for name in levels))
    console.print(table)
    for scope, word in (("per_method", "method"), ("per_corpus", "corpus")):
        slices = results[scope]
        if len(slices) > 1:
            heads = ["real", "fake", *(FIGURE_NAMES[key] for key in _SLICED)]
            table = _table(word, heads, f"by {level}, each {word}")
            for name, part in slices.items():
                figures = part[level]
                counts = (f"{figures['n_real']:,}", f"{figures['n_fake']:,}")
                table.add_row(name or "unnamed", *counts, *(_figure(figures, key) for key in _SLICED))
            console.print(table)
    for name, found in results["comparisons"].items():
        title = f"against {name}, {found['common']:,} common {level}s"
        table = _table("figure", ["this", "other", "difference", "p"], title)
        for key, item in found["differences"].items():
            bounds = None if item["low"] is None else (item["low"], item["high"])
            values = (rate(item["first"]), rate(item["second"]), _with(item["difference"], bounds, sign="+"))
            table.add_row(FIGURE_NAMES[key], *values, "–" if item["p_value"] is None else f"{item['p_value']:.3f}")
        console.print(table)
        say(f"p: {found['p_values']}; {found['only_here']:,} {level}s only here, {found['only_there']:,} only there.")
    say(f"Threshold: {results['threshold_origin']['text']}.")
    say(f"Score of a video: {results['video_score']}.")
    if results["bootstrap"]:
        say(f"Brackets: {results['bootstrap']['text']}.")
    for reason in sorted({text for name in levels for text in results[name].get("undefined", {}).values()}):
        say(f"Undefined figures (–): {reason}.")
    for warning in results["warnings"]:
        say(f"warning: {warning['name']}: {warning['text']}", "yellow")


def _table(first: str, others: Sequence[str], title: str) -> Table:
    table = Table(first, *others, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
        column.no_wrap = True
    return table


def _figure(figures: Mapping[str, Any], key: str) -> str:
    star = "*" if key in figures.get("caveats", {}) else ""
    return _with(figures[key], figures.get("intervals", {}).get(key)) + star


def _with(value: float | None, bounds: Sequence[float] | None, *, sign: str = "") -> str:
    if value is None:
        return "–"
    if bounds is None:
        return f"{value:{sign}.4f}"
    return f"{value:{sign}.3f} [{bounds[0]:{sign}.3f}, {bounds[1]:{sign}.3f}]"
