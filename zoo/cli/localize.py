"""``zoo localize``: raw videos to the stretches of time in which they are fake, with a localizing detector.

--input is a video, or a folder of videos in any tree. Features are made as those of the training were, which the
checkpoint knows; memory does not depend on how long a video is. Writes one JSON with a status for every file, and with
--plot a picture of every timeline. A run that was killed is completed by repeating it; --threshold and --plot may be
changed then. Exit codes: 0 all files were localized, 3 some could not be (the JSON says why), 1 none, 2 wrong arguments
or data.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.cli._corpus_arguments import KeyValues
from zoo.cli._executors import add_executor_arguments, executor_of
from zoo.errors import CheckpointError, ConfigError, DataError

if TYPE_CHECKING:
    from zoo.detectors.base import Detector
    from zoo.inference.localization import LocalizedFile

ALL_OK: Final = 0
NONE_OK: Final = 1
SOME_FAILED: Final = 3
MAX_HOURS: Final = 4.0
_NAMED: Final = 8  # how many files, and how many segments of one, are printed


def main(argv: Sequence[str] | None = None) -> int:
    """Localize as ``argv`` asks, print a summary, and return the exit code that the module describes."""
    options = _parser().parse_args(argv)
    _check(options)
    from zoo.engine.checkpoint import read_published
    from zoo.files import sha256_of
    from zoo.inference.inputs import find_inputs
    from zoo.inference.localization import TIMELINES, localize_inputs, read_truth, write_localization
    from zoo.inference.localizing import LocalizeJob
    from zoo.inference.trained_extractor import trained_extractor
    from zoo.jobs.progress import show_progress
    from zoo.media.limits import Limits

    provenance = read_published(options.checkpoint)["provenance"]
    detector = load_localizer(options.checkpoint)
    hours = options.max_hours
    extractor, warnings = trained_extractor(
        provenance,
        given={name: _config(options, name) for name in ("visual", "audio", "face_detector")},
        allow_mismatch=options.allow_mismatch,
        limits=Limits(max_duration_s=3600 * hours, max_frames=round(216_000 * hours)),
        where=options.checkpoint,
    )
    inputs = find_inputs(options.input, corpus=options.corpus)
    truths = {} if options.truth is None else read_truth(options.truth)
    overlap = options.window // 4 if options.overlap is None else options.overlap
    settings = {
        "checkpoint": sha256_of(options.checkpoint),
        "input": str(options.input.resolve()),
        "corpus": options.corpus,
        "extractor": extractor.fingerprint(),
        "window": options.window,
        "overlap": overlap,
    }
    folder = options.output.with_name(f"{options.output.name}.run")
    print(f"{options.input}: {len(inputs.files):,} files -> {options.output}")
    print(f"{type(detector).__name__}, windows of {options.window} frames, {overlap} shared")
    for warning in warnings:
        print(f"warning: {warning}")
    job = LocalizeJob(
        partial(load_localizer, options.checkpoint),
        extractor,
        window=options.window,
        overlap=overlap,
        timelines=folder / TIMELINES,
    )
    del detector
    begun = time.monotonic()
    with show_progress("Localizing") as on_progress:
        files = localize_inputs(
            inputs,
            job,
            folder=folder,
            settings=settings,
            executor=executor_of(options),
            truths=truths,
            on_progress=on_progress,
        )
    write_localization(options.output, files, threshold=options.threshold, settings=settings)
    plots = _draw(files, options) if options.plot else {}
    _print_summary(files, plots, options, seconds=time.monotonic() - begun)
    ok = sum(one.status == "ok" for one in files)
    return ALL_OK if ok == len(files) else SOME_FAILED if ok else NONE_OK


def load_localizer(checkpoint: Path) -> Detector:
    """The detector of ``checkpoint``, in evaluation mode.

    Raises:
        CheckpointError: it cannot be read, or does not tell where in time a clip is fake.
    """
    from zoo.api import load_model
    from zoo.detectors.long_clips import head_of

    detector = load_model(checkpoint)
    try:
        head_of(detector)
    except ConfigError as error:
        raise CheckpointError(error.what, where=checkpoint, next_step=error.next_step) from error
    return detector


def _check(options: argparse.Namespace) -> None:
    if not 0 <= options.threshold <= 1:
        raise ConfigError(f"--threshold {options.threshold:g} is not in [0, 1].")
    if options.window < 1 or not 0 <= (options.overlap or 0) < options.window:
        raise ConfigError(
            f"--window {options.window} and --overlap {options.overlap} do not go together.",
            next_step="The window has at least 1 frame, and neighbours share fewer than all of it.",
        )
    if options.output.suffix.lower() != ".json" or options.output.is_dir():
        raise DataError("The segments are a .json file.", where=options.output, next_step="Name it x.json.")
    if not 0 < options.max_hours <= 100:
        raise ConfigError(f"--max-hours {options.max_hours:g} is not in (0, 100].")


def _config(options: argparse.Namespace, name: str) -> dict[str, Any] | None:
    """The config of a part that the user names; None for that of the training."""
    kind, arguments = getattr(options, name), getattr(options, f"{name}_options")
    if kind is None and arguments:
        flag = f"--{name.replace('_', '-')}"
        raise ConfigError(f"{flag}-options need {flag} too.", where=flag)
    return None if kind is None else {"type": kind, **arguments}


def _draw(files: Sequence[LocalizedFile], options: argparse.Namespace) -> dict[str, Path]:
    """Draw the timelines; name of a file to its picture."""
    from zoo.inference.timeline_picture import draw_timeline

    single = options.input.is_file()
    plots = {}
    for one in files:
        if one.timeline is None:
            continue
        path = options.output.with_suffix(".png") if single else options.output.with_suffix("") / f"{one.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        score = "no score: " + one.status if one.score is None else f"score {one.score:.3f}"
        draw_timeline(
            path,
            one.timeline,
            title=f"{one.name}: {score}",
            segments=one.above(options.threshold),
            threshold=options.threshold,
            truth=one.truth,
        )
        plots[one.name] = path
    return plots


def _print_summary(
    files: Sequence[LocalizedFile], plots: dict[str, Path], options: argparse.Namespace, *, seconds: float
) -> None:
    done = [one for one in files if one.status == "ok"]
    covered = sum(one.facts["duration_s"] for one in done)
    print(f"localized {len(done):,}/{len(files):,} files, {covered:,.1f} s of video, {seconds:.1f} s")
    for one in done[:_NAMED]:
        found = one.above(options.threshold)
        spans = ", ".join(_words(segment) for segment in found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
        print(f"  {one.name}: score {one.score:.3f}, {len(found)} segments{': ' * bool(found)}{spans}")
        if lost := sum(end - start for start, end in one.facts["unjudged"]):
            print(f"    {lost:.1f} of {one.facts['duration_s']:.1f} s could not be judged (no face, or no sound)")
    if len(done) > _NAMED:
        print(f"  {len(done) - _NAMED} more, all of them in the JSON")
    failed = [one for one in files if one.status != "ok"]
    if failed:
        reasons = Counter(one.status for one in failed)
        print(f"not localized: {len(failed)} ({', '.join(f'{n} {status}' for status, n in reasons.most_common())})")
        for one in failed[:_NAMED]:
            print(f"  {one.name}: {one.status}: {one.reason.splitlines()[0] if one.reason else ''}")
    print(f"segments: {options.output}")
    if plots:
        print(f"pictures: {next(iter(plots.values())) if len(plots) == 1 else options.output.with_suffix('')}")


def _words(segment: Any) -> str:
    modality = f" {segment.modality}" if segment.modality else ""
    return f"{segment.start_s:.2f}-{segment.end_s:.2f} s{modality} ({segment.score:.2f})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo localize", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="of a localizing detector, such as a training's best.pth")
    add("--input", type=Path, required=True, help="a video, or a folder of videos")
    add("--output", type=Path, required=True, help="the segments, .json; OUTPUT.run keeps what is done")
    add("--plot", action="store_true", help="draw timelines: OUTPUT's name.png, or a folder of that name")
    add("--threshold", type=float, default=0.5, help="least score of a segment, in [0, 1] (default: %(default)s)")
    add("--window", type=int, default=128, metavar="FRAMES", help="seen together; the training's seq_len does well")
    add("--overlap", type=int, metavar="FRAMES", help="that neighbouring windows share (default: a quarter)")
    add("--corpus", help="reader of the input (zoo list corpus), whose true segments are then shown")
    add("--truth", type=Path, metavar="JSON", help='true segments: {"clip.mp4": [[start_s, end_s], ...], ...}')
    group = parser.add_argument_group("features (default: as in the checkpoint's training)")
    add = group.add_argument
    for part in ("visual", "audio", "face-detector"):
        add(f"--{part}", help="zoo list " + ("face_detector" if part == "face-detector" else "embedder"))
        add(f"--{part}-options", nargs="+", action=KeyValues, default={}, metavar="KEY=VALUE", help="its arguments")
    add("--allow-mismatch", action="store_true", help="go on though the features are not those of the training")
    group = parser.add_argument_group("the work")
    add = group.add_argument
    add("--max-hours", type=float, default=MAX_HOURS, help="longer videos are refused (default: %(default)g)")
    add_executor_arguments(group, workers="processes", item="video")
    parser.set_defaults(timeout=6 * 3600.0)
    return parser
