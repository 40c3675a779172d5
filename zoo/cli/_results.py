"""What stands beside the figures of an evaluation: where they come from, and what to think of them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from zoo.cli._words import rate
from zoo.metrics.summary import FIGURE_NAMES, LEVELS


def level_names(told: Mapping[str, Any]) -> dict[str, str]:
    """What people call each of the levels: a sample is a frame where the data tells that it is single crops.

    Args:
        told: what the data tells of itself.
    """
    sample = "sample" if told.get("kind") != "crops" else "clip" if "clip_frames" in told else "frame"
    return {level: {"sample": sample}.get(level, level) for level in LEVELS}


def model_facts(model: nn.Module) -> dict[str, Any]:
    return {"type": type(model).__name__, "parameters": sum(p.numel() for p in model.parameters())}


def checkpoint_facts(path: str | os.PathLike, published: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("epoch", "iteration", "zoo_version")
    return {"file": Path(path).name, **{key: published[key] for key in keys if published.get(key) is not None}}


def environment(*, ranks: int) -> dict[str, str]:
    """Versions and hardware, name to value."""
    cuda = torch.cuda.is_available()
    return {
        "Date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "deepfake-zoo": version("deepfake-zoo"),
        "Python": platform.python_version(),
        "torch": str(torch.__version__),
        "mmengine": version("mmengine-lite"),
        "numpy": version("numpy"),
        "System": platform.platform(),
        "Device": torch.cuda.get_device_name() if cuda else f"CPU, {os.cpu_count()} cores ({platform.machine()})",
        "Processes": str(ranks),
    }


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print all figures, with their level and n; the levels are those that ``results`` names."""
    levels = [f"by {name} (n = {results[level]['n']:,})" for level, name in results["levels"].items()]
    table = Table("figure", *levels, title=results["experiment"], title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, values in _rows(results):
        table.add_row(name, *values)
    console.print(table)
    methods = results["per_method"]
    if len(methods) > 1:
        table = Table("method", "fake videos", "AUC", "EER", "fakes found", title="by method, against all reals")
        for name, figures in methods.items():
            video = figures["video"]
            numbers = (video["auc"], video["eer"], video["per_class"]["fake"]["recall"])
            table.add_row(name, f"{video['n_fake']:,}", *map(rate, numbers))
        console.print(table)
    console.print(f"A sample is called fake when its score is at least {results['threshold']:g}.")
    for reason in sorted(
        {text for level in results["levels"] for text in results[level].get("undefined", {}).values()}
    ):
        console.print(f"Undefined figures (–): {reason}.", markup=False)
    for warning in results["warnings"]:
        console.print(f"warning: {warning}", markup=False, style="yellow")


def _rows(results: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    figures = [results[level] for level in results["levels"]]
    for key, name in FIGURE_NAMES.items():
        yield name, [rate(level.get(key)) for level in figures]
    for kind in ("real", "fake"):
        for key in ("precision", "recall", "f1"):
            yield f"{kind} {key}", [rate(level["per_class"][kind][key]) for level in figures]
    for row, kind in enumerate(("real", "fake")):
        calls = [level["confusion_matrix"][row] for level in figures]
        yield f"{kind}: called real / fake", [f"{real:,} / {fake:,}" for real, fake in calls]
