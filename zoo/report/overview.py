"""The report's first section: what was evaluated, on what, and how well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from zoo.metrics.summary import FIGURE_NAMES, LEVELS
from zoo.plugins.specs import Section
from zoo.report.render import count, render
from zoo.report.run import Run

_CARDS: Final = ("auc", "average_precision", "eer", "macro_f1", "accuracy")


def overview_section(run: Run) -> Iterator[Section]:
    """Key figures as cards, all figures at both levels, facts and warnings."""
    if "video" not in run.summary:
        return
    html = render(
        "overview.html",
        summary=run.summary,
        levels=LEVELS,
        names=FIGURE_NAMES,
        cards=_CARDS,
        facts=_facts(run),
        warnings=run.warnings,
        reasons=_reasons(run.summary),
    )
    yield Section("Summary", html, order=10)


def _facts(run: Run) -> dict[str, str]:
    """Name to value, of what is known."""
    summary, results = run.summary, run.results
    model, checkpoint = results.get("model", {}), results.get("checkpoint", {})
    facts = {
        "Experiment": run.name,
        "Model": model.get("type"),
        "Parameters": count(model["parameters"]) if "parameters" in model else None,
        "Checkpoint": checkpoint.get("file"),
        "Trained for": f"{checkpoint['epoch']} epochs" if checkpoint.get("epoch") is not None else None,
        "Data": results.get("data", {}).get("root"),
        "Split": results.get("data", {}).get("split"),
        "Corpora": ", ".join(name or "unnamed" for name in summary.get("per_corpus", {})),
        "Videos": _classes(summary["video"]),
        "Samples": _classes(summary["sample"]),
        "Not scored": ", ".join(f"{count(n)} {name}" for name, n in summary["status"].items() if name != "ok"),
        "Without label": count(summary["unlabelled"]) if summary["unlabelled"] else None,
        "Threshold": f"called fake from a score of {summary['threshold']:g}",
        "Video score": summary["video_score"],
    }
    return {name: str(value) for name, value in facts.items() if value}


def _classes(figures: Mapping[str, Any]) -> str:
    return f"{count(figures['n'])} ({count(figures['n_real'])} real, {count(figures['n_fake'])} fake)"


def _reasons(summary: Mapping[str, Any]) -> list[str]:
    """Why figures are undefined, each reason once."""
    reasons: dict[str, list[str]] = {}
    for level in LEVELS:
        for name, reason in summary[level].get("undefined", {}).items():
            reasons.setdefault(f"{level}: {reason}", []).append(FIGURE_NAMES[name])
    return [f"{', '.join(names)} undefined at the level of {reason}." for reason, names in reasons.items()]
