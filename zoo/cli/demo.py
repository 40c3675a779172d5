"""``zoo demo``: from nothing to trained audio-visual detectors, their figures and their report, on synthetic data.

Writes a replica corpus, extracts features, trains, evaluates on people that training never saw, and writes the report;
then does likewise with a corpus in which single words are forged, and shows where in a clip they are. The data is
synthetic: the figures show that the parts work together and say nothing about real forgeries.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.errors import ZooError
from zoo.files import write_json

_LOCALIZER = "xmodal_localize_demo"


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
    parser.add_argument("--people", type=int, default=60, help="in the corpus of forged words; 0: none (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    started = time.monotonic()
    told = [_detection(options.work_dir, options)]
    if options.people:
        told.append(_localization(options.work_dir / "localization", options))
    print(f"\nfinished in {time.monotonic() - started:.0f} s", *told, sep="\n")
    return 0


def _detection(work_dir: Path, options: argparse.Namespace) -> str:
    """Real or fake, of whole clips; returns what to tell at the end."""
    from zoo.cli import extract_features, make_replica, report, test, train

    replica, features, run = (str(work_dir / name) for name in ("replica", "features", "run"))
    results, predictions, page = (work_dir / name for name in ("results.json", "predictions.parquet", "report.html"))
    seed = ["--seed", str(options.seed)]
    _step(
        "a synthetic corpus",
        make_replica.main,
        [
            *("--output", replica, "--difficulty", options.difficulty, "--clips", str(options.clips)),
            *(*seed, *_sources(options)),
        ],
    )
    _step("features", extract_features.main, ["--input", replica, "--output", features])
    _step("training", train.main, [options.config, "--work-dir", run, "--data-root", features, *seed])
    written = ["--output", str(results), "--predictions", str(predictions)]
    data = ["--work-dir", run, "--data-root", features]
    _step("evaluation on unseen people", test.main, [options.config, f"{run}/best.pth", *data, *written])
    read = ["--results", str(results), "--predictions", str(predictions)]
    _step("report", report.main, [run, "--output", str(page), *read])
    found = json.loads(results.read_text())
    video = found["video"]
    return (
        f"AUC {video['auc']:.3f}, macro-F1 {video['macro_f1']:.3f} on {found['n']} clips of unseen people (synthetic)\n"
        f"figures  {results}\nreport   {page}"
    )


def _localization(work_dir: Path, options: argparse.Namespace) -> str:
    """Which words of a clip are forged; returns what to tell at the end."""
    from zoo.cli import extract_features, localize, make_replica, report, test, train

    replica, features, run = (str(work_dir / name) for name in ("replica", "features", "run"))
    segments = work_dir / "segments.json"
    seed = ["--seed", str(options.seed)]
    people = ["--identities", str(options.people), "--takes", "3"]
    _step(
        "a corpus of forged words",
        make_replica.main,
        ["--corpus", "lavdf", "--output", replica, *people, *seed, *_sources(options)],
    )
    _step("features", extract_features.main, ["--input", replica, "--output", features])
    _step("training", train.main, [_LOCALIZER, "--work-dir", run, "--data-root", features, *seed])
    data = ["--work-dir", run, "--data-root", features]
    _step(
        "evaluation on unseen people",
        test.main,
        [_LOCALIZER, f"{run}/best.pth", *data],
    )
    _step("report", report.main, [run])
    clip, truth = _forged_clip(Path(replica))
    write_json(work_dir / "truth.json", {clip.name: truth})
    told = ["--truth", str(work_dir / "truth.json"), "--plot"]
    _step(
        "where is it fake?",
        localize.main,
        ["--checkpoint", f"{run}/best.pth", "--input", str(clip), "--output", str(segments), *told],
    )
    figures = json.loads(Path(run, "results.json").read_text(encoding="utf-8"))["localization"]["corrected"]["all"]
    ap = figures["ap"]
    true = ", ".join(f"{start:.2f}-{end:.2f} s" for start, end in truth)
    return (
        f"AP@0.5 {ap['0.50']:.3f}, AP@0.75 {ap['0.75']:.3f} on {figures['truths']} forged words of unseen people\n"
        f"{clip.name} is forged at {true}\n"
        f"segments {segments}\ntimeline {segments.with_suffix('.png')}\nreport   {Path(run, 'report.html')}"
    )


def _sources(options: argparse.Namespace) -> list[str]:
    """The options that name photographs and recordings of the user's own."""
    return [word for key in ("photos", "speech") if (value := getattr(options, key)) for word in (f"--{key}", value)]


def _forged_clip(replica: Path) -> tuple[Path, list[list[float]]]:
    """A clip of the test split that is fake in part, and the seconds at which it is."""
    clips = json.loads((replica / "metadata.json").read_text(encoding="utf-8"))
    first = next(clip for clip in clips if clip["split"] == "test" and clip["n_fakes"])
    return replica / first["file"], first["fake_periods"]


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
