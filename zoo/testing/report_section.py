"""What the sections of a report promise: HTML that is whole, escaped and self-contained, for every run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import pyarrow as pa

from zoo.metrics.table import SCHEMA
from zoo.plugins import Section
from zoo.report.run import Run
from zoo.testing.case import expect

_HOSTILE: Final = "<b>swap</b>&\"'"
_OUTSIDE: Final = re.compile(
    r"""<script|<link|<iframe|@import|\b(?:src|href)\s*=\s*["']?\s*(?:https?:)?//|\son\w+=""", re.I
)


def check_report_section(hook: Callable[[Run], Iterable[Section]]) -> None:
    """The contract of ``zoo_report_sections(run)``: it is run over runs with predictions, without, and of one class.

    Args:
        hook: the hook of a plugin, or a function with its signature.

    Raises:
        ContractBroken: no section of any of the runs, or a section with anything from outside the page, a script, or
            a name from the data that is not escaped.
    """
    found = 0
    for what, run in sample_runs().items():
        for section in hook(run):
            found += 1
            expect(isinstance(section, Section), f"of a run {what} the hook returns a {type(section).__name__}")
            html = str(section.html)
            who = f"section {section.title!r} of a run {what}"
            expect(section.title.strip(), "a section without a title")
            expect(html.strip(), f"{who} is empty; leave it out")
            expect(not (outside := _OUTSIDE.search(html)), f"{who} has {outside and outside[0]!r}: it must stand alone")
            expect(_HOSTILE not in html, f"{who} shows a method's name unescaped")
    expect(found, "no section, not even of a run with predictions")


def sample_runs() -> dict[str, Run]:
    """Runs as a report meets them, by what is special in them."""
    rows = [
        {
            "sample_id": f"c/{method}/v{number // 2}#{number % 2}",
            "video_id": f"c/{method}/v{number // 2}",
            "corpus": "c",
            "method": method,
            "label": int(method != "real"),
            "score": None if number == 5 else round(0.1 + 0.8 * ((number * 7 + len(method)) % 10) / 10, 3),
            "start_s": 0.0,
            "end_s": 1.0,
            "status": "no_face" if number == 5 else "ok",
        }
        for method in ("real", _HOSTILE, "lips")
        for number in range(20)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    genuine = pa.Table.from_pylist([row for row in rows if row["label"] == 0], schema=SCHEMA)
    return {
        "with predictions": Run(name="run", predictions=table, results={"threshold": 0.5}),
        "of one class": Run(name="run", predictions=genuine),
        "without rows": Run(name="run", predictions=SCHEMA.empty_table()),
        "without predictions": Run(name="run", curves={"train/loss": {1: 0.7, 2: 0.6}}),
    }
