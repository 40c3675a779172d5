"""``zoo localize-controls``: is the localization found in a demo real? Several seeds, and twins of one modality.

For every seed: a replica of LAV-DF of its own, the localizing cross-modal detector and its audio-only and visual-only
twins trained the same way and tested on unseen people. Writes one summary with every figure, and the worst seed of the
cross-modal detector beside its bar; the twins have none. The data is synthetic: the figures show that the parts work
together and say nothing about real forgeries.

Exit code 1: a bar is missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.cli._controls import add_control_arguments, conclude, measure_all, run_zoo, tested

MODELS = {
    "cross_modal": "xmodal_localize_demo",
    "audio_only": "audio_localize_demo",
    "visual_only": "visual_localize_demo",
}
BARS = {"ap@0.5": 0.95, "ap@0.75": 0.85, "ap@0.95": 0.30, "ar@50": 0.90, "frame_auc": 0.95}
SHORT_S = 0.5
"""Segments below this many seconds have figures of their own."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="zoo localize-controls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_control_arguments(parser, name="localize-controls")
    parser.add_argument("--identities", type=int, default=120, help="people of each replica (default: 120)")
    parser.add_argument("--takes", type=int, default=3, help="genuine clips of each of them (default: 3)")
    options = parser.parse_args(argv)
    runs = measure_all(
        options.seeds,
        folder_of=lambda seed: options.work_dir / f"seed-{seed}",
        measure=lambda folder, seed: _measure(folder, seed, options),
        jobs=options.jobs,
        resume=options.resume,
    )
    return conclude(options.work_dir, runs, _checks(runs), show=_print)


def _measure(folder: Path, seed: int, options: argparse.Namespace) -> dict:
    """One corpus and the three detectors trained on it."""
    replica, features = str(folder / "replica"), str(folder / "features")
    common = ["--seed", str(seed)]
    people = ["--identities", str(options.identities), "--takes", str(options.takes)]
    made = ["make-replica", "--corpus", "lavdf", "--output", replica, "--workers", "1", *people, *common]
    run_zoo(folder, *made)
    run_zoo(folder, "extract-features", "--input", replica, "--output", features, "--num-workers", "1")
    figures = {name: _figures(results) for name, results in tested(folder, MODELS, features, seed=seed).items()}
    return {"seed": seed, "figures": figures}


def _figures(results: Mapping) -> dict[str, float]:
    """What is compared, out of the results of one test: all by the corrected mode."""
    found = results["localization"]
    every = found["corrected"]["all"]
    short = next((row for row in found["lengths"] if row["to_s"] is not None and row["to_s"] <= SHORT_S), None)
    return {
        **{f"ap@{threshold:g}": every["ap"][f"{threshold:.2f}"] for threshold in (0.5, 0.75, 0.9, 0.95)},
        "map": every["mean_ap"],
        **{f"ar@{n}": every["ar"][str(n)] for n in (5, 10, 50)},
        "frame_auc": found["frames"]["auc"],
        "video_auc": results["video"]["auc"],
        "segments": every["truths"],
        "short_segments": short["truths"] if short else 0,
        "short_found@0.5": short["found"]["0.50"] if short else None,
    }


def _checks(runs: Sequence[Mapping]) -> list[dict]:
    """Every bar with the worst figure of the cross-modal detector over all seeds."""
    rows = []
    for name, bar in BARS.items():
        worst = min(run["figures"]["cross_modal"][name] for run in runs)
        rows.append({"name": name, "worst": worst, "bar": f">= {bar}", "holds": worst >= bar})
    return rows


def _print(runs: Sequence[Mapping], checks: Sequence[Mapping]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = ("ap@0.5", "ap@0.75", "ap@0.95", "map", "ar@50", "frame_auc", "short_found@0.5")
    table = Table("seed", "detector", *shown, title="Localization on unseen people (synthetic)")
    for run in runs:
        for name, figures in run["figures"].items():
            values = ("-" if figures[key] is None else f"{figures[key]:.3f}" for key in shown)
            table.add_row(str(run["seed"]), name, *values)
    console = Console()
    console.print(table)
    table = Table("figure", "worst seed", "bar", "holds")
    for check in checks:
        table.add_row(check["name"], f"{check['worst']:.3f}", check["bar"], "yes" if check["holds"] else "NO")
    console.print(table)
