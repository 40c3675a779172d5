"""What an evaluation says and saves of localization, where its evaluator has a LocalizationMetric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zoo.cli._words import rate
from zoo.metrics.localization import AP_AT, AR_AT, MODES
from zoo.metrics.localization_metric import LocalizationMetric
from zoo.segments import segments_beside, write_segments


def metric_of(metrics: Sequence[Any]) -> LocalizationMetric | None:
    """The metric of localization among ``metrics`` that have been evaluated; None where there is none."""
    return next((one for one in metrics if isinstance(one, LocalizationMetric) and one.summary is not None), None)


def save(metric: LocalizationMetric, *, beside: Path) -> Path:
    """Write the segments of ``metric`` beside the predictions; returns the path.

    Raises:
        WorkDirError: the file cannot be written.
    """
    path = segments_beside(beside)
    assert metric.segments is not None
    write_segments(path, metric.segments)
    return path


def show(console: Console, summary: Mapping[str, Any]) -> None:
    """Print the figures of both modes, of all segments and by modality."""
    columns = [(mode, name) for mode in MODES for name in summary[mode]]
    table = Table("segments", title="where in time: AP by tIoU, mean over 0.5 to 0.95", title_justify="left")
    for mode, name in columns:
        table.add_column(mode if name == "all" else f"{mode}, {name}", justify="right")
    chosen = [summary[mode][name] for mode, name in columns]
    for threshold in AP_AT:
        table.add_row(f"AP@{threshold:g}", *(rate(one["ap"][f"{threshold:.2f}"]) for one in chosen))
    table.add_row("mean AP", *(rate(one["mean_ap"]) for one in chosen))
    for n in AR_AT:
        table.add_row(f"AR@{n}", *(rate(one["ar"][str(n)]) for one in chosen))
    table.add_row("true segments", *(f"{one['truths']:,}" for one in chosen))
    table.add_row("proposals", *(f"{one['proposals']:,}" for one in chosen))
    console.print(table)
    if frames := summary["frames"]:
        console.print(
            f"frames (n = {frames['n']:,}): AUC {rate(frames['auc'])}, F1 {rate(frames['f1'])} "
            f"at {summary['threshold']:g}"
        )
    if unknown := summary["videos_without_truth"]:
        console.print(f"Not in these figures: {unknown:,} videos whose true segments are not known.")
    console.print("corrected: this library's; reference: as the published evaluators reckon, for tables of papers.")
