"""An audit of shortcuts on the terminal: every property with its interval, the detector beside, warnings by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print what `zoo.cli.shortcuts` found."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, markup=False, highlight=False, style=style, soft_wrap=True)

    split = "all splits" if results["split"] == "all" else f"split {results['split']}"
    say(f"{results['input']}: {results['corpus']}, {split}, {results['n_real']:,} real and {results['n_fake']:,} fake")
    table = Table("property", "AUC [95%]", "p", "real/fake", "what tells")
    table.columns[1].no_wrap = True
    for item in results["features"]:
        table.add_row(*_cells(item), style="yellow" if item["shortcut"] else None)
    if results["together"] or results["model"]:
        table.add_section()
    for item in filter(None, (results["together"], results["model"])):
        table.add_row(*_cells(item))
    console.print(table)
    drawn = f"{results['bootstrap']['replicates']:,} replicates over {results['clusters']:,} clusters"
    say(f"Brackets: {drawn} ({results['cluster_kind']}).")
    say("p: corrected for the number of properties (Holm); that of the detector stands alone.")
    if results["difference"]:
        found = results["difference"]
        bounds = "" if found["low"] is None else f" [{found['low']:+.3f}, {found['high']:+.3f}]"
        say(f"Detector minus all together: {found['difference']:+.3f}{bounds}")
    if results["constant"]:
        say(f"The same for all: {', '.join(results['constant'])}.")
    if results["unknown"]:
        say(f"Known of too few videos of a class: {', '.join(results['unknown'])}.")
    for item in results["failed"][:5]:
        say(f"not measured: {item['video_id']}: {item['status']}: {item['reason'].splitlines()[0]}")
    for warning in results["warnings"]:
        say(f"warning: {warning['name']}: {warning['text']}", "yellow")


def _cells(item: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    bounds = "" if item["low"] is None else f" [{item['low']:.3f}, {item['high']:.3f}]"
    p = "<0.001" if item["p_corrected"] < 0.001 else f"{item['p_corrected']:.3f}"
    counts = f"{item['n_real']:,}/{item['n_fake']:,}"
    return item["name"], f"{item['auc']:.3f}{bounds}", p, counts, item["direction"]
