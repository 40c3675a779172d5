"""What the commands do with an ensemble: ``zoo train`` and ``zoo test`` on its config."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.cli._launching import note_command, run_name, select_gpus
from zoo.cli._words import rate
from zoo.errors import ConfigError
from zoo.files import atomic_write

if TYPE_CHECKING:
    from mmengine.config import Config

    from zoo.inference.ensembles.artefact import FittedEnsemble
    from zoo.inference.ensembles.member_run import Predicted
    from zoo.inference.ensembles.settings import EnsembleSettings

_NOT_FOR_ENSEMBLES: Final = {
    "launcher": "none",
    "nproc_per_node": None,
    "max_restarts": 0,
    "seed": None,
    "deterministic": False,
}
PICTURE: Final = "error_correlation.png"


def add_ensemble_options(parser: argparse.ArgumentParser, *, members: bool = False) -> None:
    """``--jobs``, and for a command that tests ``--members``, for one that fits ``--allow-mismatch``.

    Args:
        parser: of a command that may be given an ensemble.
        members: whether it tests, and has an ``--allow-mismatch`` of its own.
    """
    group = parser.add_argument_group("ensembles")
    group.add_argument(
        "--jobs", type=int, metavar="N", help="members at a time (default: one a visible GPU; on a CPU one)"
    )
    if members:
        group.add_argument(
            "--members",
            action="store_true",
            help="each member's figures, what the ensemble loses without it, errors in common, and a test of the "
            "ensemble against its best member",
        )
    else:
        group.add_argument(
            "--allow-mismatch",
            action="store_true",
            help="take data of members that was made otherwise than that of their training",
        )


def refuse_ensemble_options(options: argparse.Namespace) -> None:
    """Raise ConfigError where an option that only ensembles know is given for a single detector."""
    for name in ("jobs", "members", *(() if hasattr(options, "members") else ("allow_mismatch",))):
        if getattr(options, name, None):
            raise ConfigError(
                f"--{name.replace('_', '-')} is for ensembles, and {options.config} is the config of one detector.",
                next_step="Leave it out, or give the config of an ensemble, such as ensemble_visual_audio.",
            )


def train_ensemble(options: argparse.Namespace, command: Sequence[str]) -> int:
    """Run all members on the validation data, fit, and write ``ensemble.json``; returns the exit code."""
    from zoo.engine.ownership import work_dir_owner
    from zoo.files import sweep_partial_files
    from zoo.inference.ensembles.fitting import fit_ensemble

    config, settings, work_dir = _load(options, options.val_data_root or options.data_root, needs_data=True)
    with work_dir_owner(work_dir):
        sweep_partial_files(work_dir)
        note_command(work_dir, command)
        with atomic_write(work_dir / f"{config.experiment_name}.py", "w") as file:
            file.write(config.pretty_text)
        predicted = _predictions(options, settings.members, "val", work_dir)
        fitted = fit_ensemble(settings, predicted, experiment=config.experiment_name, work_dir=work_dir)
        fitted.write()
    _show_fit(fitted, predicted)
    print(f"ensemble: {fitted.path}")
    return 0


def test_ensemble(options: argparse.Namespace) -> int:
    """Run all members on the split, combine, and write figures and predictions; returns the exit code."""
    from rich.console import Console

    from zoo.cli import _results
    from zoo.engine.ownership import work_dir_owner
    from zoo.files import write_json
    from zoo.inference.ensembles.artefact import FittedEnsemble
    from zoo.inference.ensembles.testing import evaluate_ensemble, members_of
    from zoo.predictions import write_predictions

    fitted = FittedEnsemble.read(options.checkpoint)
    config, settings, work_dir = _load(options, options.data_root)
    members = members_of(settings, fitted)
    output = Path(options.output or work_dir / "results.json")
    with work_dir_owner(work_dir):
        predicted = _predictions(options, members, options.split, work_dir)
        found = evaluate_ensemble(fitted, predicted, split=options.split, compare=options.members)
        results = {
            **found.summary,
            "experiment": config.experiment_name,
            "levels": {"video": "video"},  # a row of an ensemble is a video
            "model": {"type": f"{settings.combiner['type']} of {', '.join(fitted.names)}"},
            "checkpoint": {"file": fitted.path.name},
            "data": {"root": _roots(members), "loader": options.split, "split": options.split},
            "ensemble": found.ensemble,
            "environment": _results.environment(ranks=1),
            "warnings": found.warnings,
        }
        predictions = Path(options.predictions or work_dir / "predictions.parquet")
        write_predictions(predictions, found.table)
        write_json(output, results)
    _results.show(Console(), results)
    _show_coverage(found.ensemble)
    if options.members:
        from zoo.report.error_correlation import draw_error_correlation

        draw_error_correlation(output.with_name(PICTURE), found.ensemble["comparison"]["error_correlation"])
        _show_comparison(found.ensemble["comparison"])
        print(f"picture:     {output.with_name(PICTURE)}")
    print(f"results:     {output}\npredictions: {predictions}")
    return 0


def _load(
    options: argparse.Namespace, roots: Sequence[str] | None, *, needs_data: bool = False
) -> tuple[Config, EnsembleSettings, Path]:
    """The checked config, what it asks for, and the work directory."""
    from zoo.config import load_config
    from zoo.inference.ensembles.settings import EnsembleSettings

    for name, without in _NOT_FOR_ENSEMBLES.items():
        if getattr(options, name, without) != without:
            raise ConfigError(
                f"--{name.replace('_', '-')} has no meaning for an ensemble, whose members are trained already.",
                next_step="Leave it out; --jobs N runs several members at a time.",
            )
    if options.gpu is not None:
        select_gpus(options.gpu, several=True)
    config = load_config(options.config, options.cfg_options, needs_data=needs_data)
    settings = EnsembleSettings.of(
        config,
        data_roots=roots or (),
        allow_mismatch=options.allow_mismatch,
        where=options.config,
    )
    config.experiment_name = name = run_name(options, config)
    return config, settings, Path(options.work_dir or config.get("work_dir") or Path("work_dirs") / name)


def _predictions(options: argparse.Namespace, members: Any, split: str, work_dir: Path) -> dict[str, Predicted]:
    from zoo.inference.ensembles.members import run_members

    def told(done: Predicted) -> None:
        how = "cached" if done.cached else "new"
        if done.facts["data"].get("kind") == "predictions":
            how = f"from {done.facts['data']['file']}"
        print(f"{done.name}: {len(done.table):,} predictions of {split} ({how})", flush=True)

    return run_members(members, split, work_dir=work_dir, jobs=options.jobs, on_done=told)


def _roots(members: Any) -> str:
    """Where the members' data lies, for people."""
    roots = {}
    for member in members:
        root = member.data_root or member.predictions
        paths = list(root.values()) if member.predictions else [root] if isinstance(root, str) else list(root or [])
        roots[member.name] = " ".join(map(str, paths))
    return "; ".join(f"{name}: {paths}" for name, paths in roots.items() if paths)


def _show_fit(fitted: FittedEnsemble, predicted: Mapping[str, Predicted]) -> None:
    """Print what the ensemble was fitted on, and what came of it."""
    from rich.console import Console
    from rich.table import Table

    from zoo.inference.ensembles.member_run import warnings_of_members

    console = Console()
    on = fitted.validation["fitted_on"]
    table = Table("", "videos", "AUC", "ECE", title=f"{fitted.experiment} on its validation data", title_justify="left")
    rows = [(member["name"], member["figures"]) for member in fitted.members]
    for name, figures in [*rows, ("ensemble (fitted on these)", fitted.validation["ensemble"])]:
        table.add_row(name, f"{figures['videos']:,}", rate(figures["auc"]), rate(figures["ece"]))
    console.print(table)
    console.print(f"fitted on {on['n_real']:,} real and {on['n_fake']:,} fake videos", highlight=False)
    if (measured := fitted.validation["calibration"]) and measured["ece_after"] is not None:
        console.print(
            f"calibration, out of fold: ECE {measured['ece_before']:.4f} -> {measured['ece_after']:.4f}, "
            f"Brier {measured['brier_before']:.4f} -> {measured['brier_after']:.4f}",
            highlight=False,
        )
    for warning in warnings_of_members(predicted):
        console.print(f"warning: {warning}", markup=False, style="yellow", soft_wrap=True)


def _show_coverage(told: Mapping[str, Any]) -> None:
    """Print which members the scores come from, the calibration and the decisions."""
    counts = ", ".join(f"{count:,} by {names}" for names, count in told["coverage"].items())
    print(f"videos scored: {counts}")
    if told["calibration"]:
        before, after = told["calibration"]["before"], told["calibration"]["after"]
        print(
            f"calibration: ECE {rate(before['ece'])} -> {rate(after['ece'])}, "
            f"Brier {rate(before['brier'])} -> {rate(after['brier'])}"
        )
    if "decisions" in told:
        made = told["decisions"]
        print(
            f"decisions: {made['real']:,} real, {made['fake']:,} fake, {made['abstain']:,} left open; "
            f"of the reals {rate(made['reals_called_fake'])} called fake, "
            f"of the fakes {rate(made['fakes_called_real'])} called real"
        )


def _show_comparison(told: Mapping[str, Any]) -> None:
    """Print each member beside the ensemble."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("member", "videos", "AUC", "EER", "ECE", "gain", title="members", title_justify="left")
    for name, figures in [*told["members"].items(), ("ensemble", told["ensemble"])]:
        left = told["leave_one_out"].get(name)
        gain = "" if name == "ensemble" else "–" if not left or left["gain"] is None else f"{left['gain']:+.4f}"
        table.add_row(name, f"{figures['videos']:,}", *(rate(figures[key]) for key in ("auc", "eer", "ece")), gain)
    console.print(table)
    console.print("gain: AUC of the ensemble minus that of one fitted without the member, on the same videos")
    shared = told["error_correlation"]
    table = Table(
        "", *shared["members"], title="errors in common: correlation of |score - label|", title_justify="left"
    )
    for name, row in zip(shared["members"], shared["matrix"], strict=True):
        table.add_row(name, *("–" if value is None else f"{value:.2f}" for value in row))
    console.print(table)
    best = told["best_member"]
    if best["difference"] is None:
        print(f"ensemble against {best['member']}: undefined, for the videos they share are of one class")
        return
    interval = "undefined" if best["low"] is None else f"{best['low']:+.4f} to {best['high']:+.4f}"
    print(
        f"ensemble against {best['member']} (best on the validation data): AUC {best['difference']:+.4f}, "
        f"95% interval {interval}, p = {rate(best['p_value'])} "
        f"({best['videos']:,} videos, paired bootstrap of {best['replicates']:,})"
    )
