"""``zoo ensemble-controls``: does an ensemble composed in a config beat its best member, and can it cost anything?

For every seed, replicas of corpora with sound, people in one split only, and on each the same two detectors, trained
one by one: face crops (dualbranch_tiny_ffpp), and picture with sound (xmodal_demo). Their ensemble is the shipped
config ensemble_crops_xmodal_demo, fitted on the validation split and measured on the test split.

- differing: LAV-DF, with long stretches. They are forged in the picture, in the sound, or in both to match: crops show
  the first and the last, mismatch the first and the second. The ensemble's AUC is above its best member's (paired
  bootstrap over videos). Beside it, without a bar: the three-branch model trained jointly (xmodal_joint_demo) and the
  late ensemble of the same three branches (ensemble_branches_demo).
- one_sided: FakeAVCeleb as `zoo demo` makes it, all people after one face. Every stream alone is genuine, so crops show
  nothing: the ensemble's AUC stays within 0.005 of its best member's.

The best member is the one with the highest AUC on the test split itself, which favours the member. In both, the
calibrated scores have a lower expected calibration error than those before, on the test split. Writes one summary with
every figure beside its bar, and ends with exit code 1 if one is missed. Replicas are synthetic: the figures say how the
parts work together and nothing about real forgeries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from zoo.cli._controls import (
    SOME_FAILED,
    add_control_arguments,
    conclude,
    count_photographs,
    cut_crops,
    measure_all,
    run_zoo,
)
from zoo.errors import ConfigError

CLAIMS: Final = ("differing", "one_sided")
P_BAR: Final = 0.05
LOSS_BAR: Final = 0.005
PAIR: Final = {"crops": "dualbranch_tiny_ffpp", "cross_modal": "xmodal_demo"}
BRANCHES: Final = {"cross_modal": "xmodal_demo", "audio": "audio_only", "visual": "visual_only"}
_LEAST: Final = 6  # photographs
_LAVDF: Final = ("--duration", "2", "--stretch", "0.8", "2", "--most-forged", "0.9", "--detail", "24")


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    photographs = _usable(options)
    cases = [(claim, seed) for seed in options.seeds for claim in options.claims]
    runs = measure_all(
        cases,
        folder_of=lambda case: options.work_dir / f"{case[0]}-{case[1]}",
        measure=lambda folder, case: _measure(folder, *case, photographs, options),
        jobs=options.jobs,
        resume=options.resume,
    )
    return conclude(options.work_dir, runs, _checks(runs), show=_print, photographs=photographs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo ensemble-controls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add_control_arguments(parser, name="ensemble-controls")
    add("--photos", type=Path, metavar="DIR", help="frontal portraits, one person each; without, all share one face")
    add("--claims", nargs="+", choices=CLAIMS, default=list(CLAIMS))
    add("--people-per-photo", type=int, default=1, metavar="N", help="of LAV-DF, after each photograph (default: 1)")
    add("--takes", type=int, default=4, metavar="N", help="of LAV-DF, genuine clips a person (default: 4)")
    add("--photographs", type=int, metavar="N", help="use no more photographs than this")
    add("--clips", type=int, default=480, metavar="N", help="videos of FakeAVCeleb, half of them real (default: 480)")
    return parser


def _usable(options: argparse.Namespace) -> int:
    """How many photographs people are invented after, an even number; nobody is after one of another split.

    Raises:
        ConfigError: too few for three splits.
    """
    own = _LEAST if options.photos is None else count_photographs(options.photos)  # without: all after one
    own = min(own, options.photographs or own)
    own -= own % 2
    if own < _LEAST:
        raise ConfigError(
            f"{own} photographs are too few for people in three splits; it takes {_LEAST}.",
            where="--photos",
            next_step="Give more frontal portraits, one person each.",
        )
    return own


def _measure(folder: Path, claim: str, seed: int, photographs: int, options: argparse.Namespace) -> dict:
    """One corpus, the detectors trained on it, and their ensembles."""
    data = _prepare(folder, claim, seed, photographs, options)
    differing = claim == "differing"
    one_face = not differing or options.photos is None

    def train(config: str) -> None:
        leaks = one_face and config == PAIR["crops"]
        _train(folder, config, data, seed, allow_leaks=leaks, resume=options.resume)

    for config in PAIR.values():
        train(config)
    figures = {"ensemble": _combine(folder, "ensemble_crops_xmodal_demo", PAIR, data)}
    if differing:
        for config in BRANCHES.values():
            if config not in PAIR.values():
                train(config)
        figures["late"] = _combine(folder, "ensemble_branches_demo", BRANCHES, data)
        train("xmodal_joint_demo")
        figures["joint"] = _compared({"joint": folder / "xmodal_joint_demo", "late": folder / "ensemble_branches_demo"})
    return {"claim": claim, "seed": seed, "figures": figures}


def _prepare(folder: Path, claim: str, seed: int, photographs: int, options: argparse.Namespace) -> dict[str, str]:
    """Crops and features of a replica, made as far as they are not there yet: their folders by kind."""
    replica, crops, features = (str(folder / name) for name in ("replica", "crops", "features"))
    if claim == "differing":
        each = options.people_per_photo
        people = ["--identities", str(each * photographs), "--people-per-photo", str(each)]
        people += [] if options.photos is None else ["--photos", str(options.photos)]
        what = ["--corpus", "lavdf", *people, "--takes", str(options.takes), *_LAVDF]
    else:
        what = ["--corpus", "fakeavceleb", "--clips", str(options.clips)]
    run_zoo(folder, "make-replica", *what, "--output", replica, "--seed", str(seed), "--workers", "1")
    cut_crops(folder, replica, crops, workers=1)
    run_zoo(
        folder,
        *("extract-features", "--input", replica, "--output", features, "--num-workers", "1"),
        accepted=SOME_FAILED,
    )
    return {"crops": crops, "features": features}


def _root_of(config: str, data: Mapping[str, str]) -> str:
    """The data that a member's config takes."""
    return data["crops" if config == PAIR["crops"] else "features"]


def _train(folder: Path, config: str, data: Mapping[str, str], seed: int, *, allow_leaks: bool, resume: bool) -> None:
    """Train ``config`` and write its predictions of the test split; with ``resume`` only what is not there yet."""
    run = folder / config
    predictions = run / "predictions.parquet"
    if resume and predictions.is_file():
        return
    where = ["--work-dir", str(run), "--data-root", _root_of(config, data)]
    changes = ["--cfg-options", "train_dataloader.dataset.allow_leaks=True"] if allow_leaks else []
    run_zoo(folder, "train", config, *where, "--seed", str(seed), *changes)
    run_zoo(folder, "test", config, f"{run}/best.pth", *where, "--no-timelines", "--predictions", str(predictions))


def _combine(folder: Path, config: str, members: Mapping[str, str], data: Mapping[str, str]) -> dict:
    """Fit the ensemble ``config`` of trained ``members`` and measure it on the test split."""
    run = folder / config
    roots = [f"{name}={_root_of(member, data)}" for name, member in members.items()]
    where = ["--work-dir", str(run), "--data-root", *roots]
    checkpoints = [
        f"ensemble.members.{place}.checkpoint={folder / member / 'best.pth'}"
        for place, member in enumerate(members.values())
    ]
    overrides = ["--cfg-options", *checkpoints]
    run_zoo(folder, "train", config, *where, *overrides)
    run_zoo(folder, "test", config, f"{run}/ensemble.json", *where, "--members", *overrides)
    found = json.loads((run / "results.json").read_text(encoding="utf-8"))["ensemble"]
    tables = {"ensemble": run, **{name: folder / member for name, member in members.items()}}
    return {"calibration": found["calibration"], **_compared(tables)}


def _compared(runs: Mapping[str, Path]) -> dict:
    """AUC of every run on its test predictions, and the first one against the best of the others."""
    from zoo.ensembles.comparison import against_member, error_correlation, member_figures
    from zoo.ensembles.joining import join
    from zoo.predictions import read_predictions

    joined = join({name: read_predictions(run / "predictions.parquet") for name, run in runs.items()})
    figures = member_figures(joined)
    best = max(joined.members[1:], key=lambda name: figures[name]["auc"])
    return {
        "videos": len(joined),
        "auc": {name: one["auc"] for name, one in figures.items()},
        "ece": {name: one["ece"] for name, one in figures.items()},
        "error_correlation": error_correlation(joined),
        "against_best": against_member(joined, joined.scores[:, 0], best),
    }


def _checks(runs: Sequence[Mapping]) -> list[dict]:
    """Every claim with its worst figure over all seeds."""
    rows = []
    by_claim: dict[str, list[Mapping]] = {}
    for run in runs:
        by_claim.setdefault(run["claim"], []).append(run["figures"]["ensemble"])
    if found := by_claim.get("differing"):
        against = [one["against_best"] for one in found]
        # A loss, however certain, is no gain.
        chances = [one["p_value"] if one["difference"] > 0 else 1.0 for one in against]
        rows.append(_check("differing: p of the gain in AUC over the best member", chances, below=P_BAR))
    if found := by_claim.get("one_sided"):
        losses = [-one["against_best"]["difference"] for one in found]
        rows.append(_check("one_sided: AUC below the best member's", losses, at_most=LOSS_BAR))
    for claim, found in by_claim.items():
        rises = [one["calibration"]["after"]["ece"] - one["calibration"]["before"]["ece"] for one in found]
        rows.append(_check(f"{claim}: change of ECE by calibration", rises, below=0.0))
    return rows


def _check(name: str, values: Sequence[float], *, below: float | None = None, at_most: float | None = None) -> dict:
    worst = max(values)
    holds = worst < below if below is not None else at_most is not None and worst <= at_most
    bar = f"< {below}" if below is not None else f"<= {at_most}"
    return {"name": name, "worst": worst, "mean": sum(values) / len(values), "bar": bar, "holds": holds}


def _print(runs: Sequence[Mapping], checks: Sequence[Mapping]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(
        "claim", "seed", "AUC", "best member", "gain", "p", "ECE before", "after", title="Ensembles, by video"
    )
    for run in sorted(runs, key=lambda run: (run["claim"], run["seed"])):
        for kind in ("ensemble", "late"):
            if (one := run["figures"].get(kind)) is None:
                continue
            against, calibration = one["against_best"], one["calibration"]
            table.add_row(
                run["claim"] if kind == "ensemble" else "(late branches)",
                str(run["seed"]),
                f"{one['auc']['ensemble']:.3f}",
                f"{against['member']} {one['auc'][against['member']]:.3f}",
                f"{against['difference']:+.3f}",
                f"{against['p_value']:.3f}",
                f"{calibration['before']['ece']:.3f}",
                f"{calibration['after']['ece']:.3f}",
            )
        if joint := run["figures"].get("joint"):
            beside = joint["against_best"]
            table.add_row(
                "(joint branches)",
                str(run["seed"]),
                f"{joint['auc']['joint']:.3f}",
                f"{beside['member']} {joint['auc'][beside['member']]:.3f}",
                f"{beside['difference']:+.3f}",
                f"{beside['p_value']:.3f}",
            )
    console.print(table)
    table = Table("claim", "worst", "mean", "bar", "holds")
    for check in checks:
        holds = "yes" if check["holds"] else "NO"
        table.add_row(check["name"], f"{check['worst']:.4f}", f"{check['mean']:.4f}", check["bar"], holds)
    console.print(table)
