"""The report's last sections: the machine and the config."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugins.specs import Section
from zoo.report.render import render
from zoo.report.run import Run


def environment_section(run: Run) -> Iterator[Section]:
    """Versions and hardware of the evaluation, as far as the results tell."""
    environment = run.results.get("environment")
    if environment:
        yield Section("Environment", render("facts.html", facts=environment), order=80)


def config_section(run: Run) -> Iterator[Section]:
    """The whole config, folded."""
    if run.config is not None:
        yield Section("Config", render("config.html", config=run.config), order=90)
