"""``zoo demo``: from nothing to a trained audio-visual detector, its figures and its report, on synthetic data.

Writes a replica corpus, extracts features, trains, evaluates on people that training never saw, and writes the report.
The data is synthetic: the figures show that the parts work together and say nothing about real forgeries.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.errors import ZooError


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="zoo demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/demo"), metavar="DIR")
    parser.add_argument("--config", default="xmodal_demo", help="what to train (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=480, help="videos to make, half of them real (default: 480)")
    parser.add_argument("--difficulty", choices=("easy", "normal", "hard"), default="normal")
    parser.add_argument("--photos", metavar="DIR", help="photographs to make faces of, beside the built-in one")
    parser.add_argument("--speech", metavar="DIR", help="recordings to use in place of synthetic speech")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    _run_demo(options.work_dir, options)
    return 0


def _run_demo(work_dir: Path, options: argparse.Namespace) -> None:
    """All steps of the demo, one after the other."""
    from zoo.cli import extract_features, make_replica, report, test, train

    started = time.monotonic()
    replica, features, run = (str(work_dir / name) for name in ("replica", "features", "run"))
    results, predictions, page = (work_dir / name for name in ("results.json", "predictions.parquet", "report.html"))
    sources = [word for key in ("photos", "speech") if (value := getattr(options, key)) for word in (f"--{key}", value)]
    seed = ["--seed", str(options.seed)]
    _step(
        "1 of 5: a synthetic corpus",
        make_replica.main,
        ["--output", replica, "--difficulty", options.difficulty, "--clips", str(options.clips), *seed, *sources],
    )
    _step("2 of 5: features", extract_features.main, ["--input", replica, "--output", features])
    _step("3 of 5: training", train.main, [options.config, "--work-dir", run, "--data-root", features, *seed])
    written = ["--output", str(results), "--predictions", str(predictions)]
    data = ["--work-dir", run, "--data-root", features]
    _step("4 of 5: evaluation on unseen people", test.main, [options.config, f"{run}/best.pth", *data, *written])
    read = ["--results", str(results), "--predictions", str(predictions)]
    _step("5 of 5: report", report.main, [run, "--output", str(page), *read])
    found = json.loads(results.read_text())
    video = found["video"]
    print(f"\nfinished in {time.monotonic() - started:.0f} s")
    print(
        f"AUC {video['auc']:.3f}, macro-F1 {video['macro_f1']:.3f} on {found['n']} clips of unseen people (synthetic)"
    )
    print(f"figures  {results}\nreport   {page}")


def _step(title: str, command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> None:
    """Run one command as a user would type it.

    Raises:
        ZooError: it ended with another exit code than 0.
    """
    name = command.__module__.rpartition(".")[2].replace("_", "-")
    print(f"\n=== {title}\n$ zoo {name} {' '.join(arguments)}", flush=True)
    started = time.monotonic()
    if code := command(arguments):
        raise ZooError(f"The step {title!r} ended with exit code {code}.", next_step="Its own message is above.")
    print(f"=== done in {time.monotonic() - started:.0f} s", flush=True)
