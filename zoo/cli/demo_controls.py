"""``zoo demo-controls``: is what the demo shows real? Several seeds, unimodal twins, and trivial features.

For every seed and difficulty: a replica corpus of its own, the cross-modal detector and its audio-only and visual-only
twins trained the same way and tested on unseen people, and the AUC that trivial properties of the files reach over
the whole corpus. Writes one summary with every figure beside its bar.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.cli._controls import add_control_arguments, conclude, measure_all, run_zoo, tested

MODELS = {"cross_modal": "xmodal_demo", "audio_only": "audio_only", "visual_only": "visual_only"}
CROSS_MODAL_BARS = {"easy": 0.98, "normal": 0.98, "hard": 0.85}
UNIMODAL_BAR = 0.65
TRIVIAL_BAR = 0.60


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="zoo demo-controls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_control_arguments(parser, name="demo-controls")
    parser.add_argument("--difficulties", nargs="+", choices=tuple(CROSS_MODAL_BARS), default=["normal", "hard"])
    options = parser.parse_args(argv)
    cases = [(difficulty, seed) for difficulty in options.difficulties for seed in options.seeds]
    runs = measure_all(
        cases,
        folder_of=lambda case: options.work_dir / f"{case[0]}-{case[1]}",
        measure=lambda folder, case: _measure(folder, *case),
        jobs=options.jobs,
        resume=options.resume,
    )
    return conclude(options.work_dir, runs, _checks(runs), show=_print)


def _measure(folder: Path, difficulty: str, seed: int) -> dict:
    """One corpus and the three detectors trained on it."""
    replica, features = str(folder / "replica"), str(folder / "features")
    common = ["--seed", str(seed)]
    run_zoo(folder, "make-replica", "--output", replica, "--difficulty", difficulty, "--workers", "1", *common)
    run_zoo(folder, "extract-features", "--input", replica, "--output", features, "--num-workers", "1")
    aucs = {name: results["video"]["auc"] for name, results in tested(folder, MODELS, features, seed=seed).items()}
    return {"difficulty": difficulty, "seed": seed, "auc": aucs, "trivial": _trivial_aucs(replica)}


def _trivial_aucs(replica: str) -> dict[str, float]:
    """How well each trivial feature alone separates the corpus: the larger of AUC and 1 - AUC."""
    from sklearn.metrics import roc_auc_score

    from zoo.datasets.shortcuts import TRIVIAL_FEATURES, trivial_features
    from zoo.registry import build

    records = build("corpus", {"type": "FakeAVCeleb"}).read(replica)
    labels = [record.label for record in records]
    values = [trivial_features(record.path) for record in records]
    aucs = {name: float(roc_auc_score(labels, [row[name] for row in values])) for name in TRIVIAL_FEATURES}
    return {name: max(value, 1 - value) for name, value in aucs.items()}


def _checks(runs: Sequence[Mapping]) -> list[dict]:
    """Every claim with its worst figure over all seeds."""
    rows = []
    for difficulty in dict.fromkeys(run["difficulty"] for run in runs):
        of_difficulty = [run for run in runs if run["difficulty"] == difficulty]
        worst = min(run["auc"]["cross_modal"] for run in of_difficulty)
        bar = CROSS_MODAL_BARS[difficulty]
        rows.append(_check(f"cross_modal at {difficulty}", worst, f">= {bar}", worst >= bar))
        for twin in ("audio_only", "visual_only"):
            worst = max(run["auc"][twin] for run in of_difficulty)
            rows.append(_check(f"{twin} at {difficulty}", worst, f"< {UNIMODAL_BAR}", worst < UNIMODAL_BAR))
        for feature in of_difficulty[0]["trivial"]:
            worst = max(run["trivial"][feature] for run in of_difficulty)
            rows.append(_check(f"{feature} at {difficulty}", worst, f"< {TRIVIAL_BAR}", worst < TRIVIAL_BAR))
    return rows


def _check(name: str, worst: float, bar: str, holds: bool) -> dict:
    return {"name": name, "worst_auc": worst, "bar": bar, "holds": holds}


def _print(runs: Sequence[Mapping], checks: Sequence[Mapping]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("corpus", *(f"{name} AUC" for name in MODELS), title="AUC on unseen people")
    for run in runs:
        table.add_row(f"{run['difficulty']} seed {run['seed']}", *(f"{run['auc'][name]:.3f}" for name in MODELS))
    console = Console()
    console.print(table)
    table = Table("claim", "worst AUC", "bar", "holds")
    for check in checks:
        table.add_row(check["name"], f"{check['worst_auc']:.3f}", check["bar"], "yes" if check["holds"] else "NO")
    console.print(table)
