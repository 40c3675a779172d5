"""The report's figures by method and by corpus."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugins.specs import Section
from zoo.report.render import render
from zoo.report.run import Run


def slices_section(run: Run) -> Iterator[Section]:
    """Each method's fakes against all reals of its corpora; each corpus where there are several."""
    tables = []
    if run.summary.get("per_method"):
        tables.append(
            ("Method", "Each method's fakes against all reals of the same corpora", run.summary["per_method"])
        )
    if len(run.summary.get("per_corpus", {})) > 1:
        tables.append(("Corpus", "Each corpus by itself", run.summary["per_corpus"]))
    if tables:
        yield Section("Methods", render("slices.html", tables=tables), order=40)
