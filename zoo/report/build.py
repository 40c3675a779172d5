"""Put the sections of zoo and of plugins together to one self-contained page."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup

from zoo.files import atomic_write
from zoo.plugins import Section, catalog
from zoo.plugins.apart import SECTION_TIMEOUT_S, SECTION_VARIABLE, call_apart, time_limit
from zoo.plugins.manager import in_one_line
from zoo.report.background import config_section, environment_section
from zoo.report.evaluation import evaluation_section
from zoo.report.overview import overview_section
from zoo.report.render import render
from zoo.report.run import Run, read_run
from zoo.report.slices import slices_section
from zoo.report.timelines import timelines_section
from zoo.report.training import training_section

_LOGGER = logging.getLogger("zoo")


def write_report(
    folder: str | os.PathLike,
    output: str | os.PathLike | None = None,
    *,
    predictions: str | os.PathLike | None = None,
    results: str | os.PathLike | None = None,
) -> Path:
    """Write the report of the run in ``folder`` to ``output``, by default ``report.html`` in it; returns its path.

    The page needs nothing from outside: styles and pictures are in it, and it has no script. See
    `zoo.report.run.read_run` for ``predictions`` and ``results``.

    Raises:
        DataError: see `zoo.report.run.read_run`.
        WorkDirError: the page cannot be written.
    """
    path = Path(output) if output is not None else Path(folder) / "report.html"
    page = report_html(read_run(folder, predictions=predictions, results=results))
    with atomic_write(path, "w") as file:
        file.write(page)
    return path


def report_html(run: Run) -> str:
    """The page as text."""
    sections = sorted(_sections(run), key=lambda section: section.order)
    style = Markup((Path(__file__).parent / "style.css").read_text(encoding="utf-8"))
    return render("page.html", run=run, sections=_with_anchors(sections), style=style, version=version("deepfake-zoo"))


def built_in_sections(run: Run) -> Iterator[Section]:
    """Zoo's own sections, each if the run has what it shows."""
    parts = (
        overview_section,
        training_section,
        evaluation_section,
        slices_section,
        timelines_section,
        environment_section,
        config_section,
    )
    for part in parts:
        yield from part(run)


def _sections(run: Run) -> Iterator[Section]:
    """What all plugins bring; a plugin that fails or does not end leaves a note in the place of its sections."""
    limit_s = time_limit(SECTION_VARIABLE, SECTION_TIMEOUT_S)
    for hook in catalog().section_hooks:
        origin = getattr(hook, "origin", hook.__module__)
        if origin == "zoo":
            yield from hook(run)
            continue
        sections, error = call_apart(
            partial(_listed, hook, run), limit_s=limit_s, name=f"Plugin {origin!r}", variable=SECTION_VARIABLE
        )
        if error is None:
            yield from sections
        else:
            _LOGGER.warning("Plugin %s could not add its section.", origin, exc_info=error)
            note = render("failure.html", origin=origin, reason=in_one_line(error))
            yield Section("A section is missing", note, order=70)


def _listed(hook: Callable[[Run], Iterable[Section]], run: Run) -> list[Section]:
    return list(hook(run))


def _with_anchors(sections: Iterable[Section]) -> list[tuple[str, str, Markup]]:
    """Anchor, title and HTML of each section; anchors are unique."""
    taken: dict[str, int] = {}
    result = []
    for section in sections:
        slug = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "section"
        taken[slug] = taken.get(slug, 0) + 1
        anchor = slug if taken[slug] == 1 else f"{slug}-{taken[slug]}"
        result.append((anchor, section.title, Markup(section.html)))
    return result
