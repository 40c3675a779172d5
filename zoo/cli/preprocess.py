"""``zoo preprocess``: a corpus, in the layout it is downloaded in, to face crops and their manifest.

Crops lie at OUTPUT/<split>/<real|fake>/<video>/, or with --pack in OUTPUT/packs/. A run that was killed is completed
by repeating it. Exit codes: 0 every video gave crops, 3 some did not (preprocess_report.json names them with their
reason), 1 none did, 2 wrong arguments or data.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo.cli._corpus_arguments import add_corpus_arguments
from zoo.cli._detectors import add_detector_arguments, detector_of
from zoo.cli._executors import add_executor_arguments, executor_of
from zoo.errors import ConfigError

if TYPE_CHECKING:
    from zoo.datasets.preprocessing.run import PreprocessReport
    from zoo.media.choice import FrameChoice

ALL_OK: Final = 0
NONE_OK: Final = 1
SOME_FAILED: Final = 3
_NAMED: Final = 5  # how many failures are printed
_MISSED_SHARE: Final = 0.1  # of the frames; beyond, another detector is worth a try


def main(argv: Sequence[str] | None = None) -> int:
    """Preprocess as ``argv`` asks, print a summary, and return the exit code that the module describes."""
    options = _parser().parse_args(argv)
    begun = time.perf_counter()
    from zoo.datasets.corpora.reading import read_corpus
    from zoo.datasets.manifest import read_manifest
    from zoo.datasets.packs import PACKS, CropPacks
    from zoo.datasets.preprocessing.contact_sheet import CONTACT_SHEET, write_contact_sheet
    from zoo.datasets.preprocessing.crop_job import Encoding
    from zoo.datasets.preprocessing.run import missed_frames, preprocess
    from zoo.faces.pipeline import FaceCropper
    from zoo.jobs.ownership import folder_owner
    from zoo.jobs.progress import show_progress

    _check_apart(options.input, options.output)
    corpus = read_corpus(
        options.input,
        corpus=options.corpus,
        options=options.corpus_options,
        split_ratio=options.split_ratio,
        seed=options.seed,
    )
    cropper = FaceCropper(
        detector=detector_of(options),
        choice=_choice(options),
        faces=options.faces,
        margin=options.face_margin,
        image_size=options.image_size,
        align=options.align,
    )
    encoding = Encoding(format=options.format, quality=options.quality)
    executor = executor_of(options)
    apart = f", {len(corpus.excluded)} in no split left out" if corpus.excluded else ""
    print(f"{options.input}: {len(corpus.records)} videos ({corpus.name}){apart} -> {options.output}")
    with folder_owner(options.output):
        with show_progress("Preprocessing") as on_progress:
            report = preprocess(
                corpus.records,
                options.output,
                cropper,
                encoding=encoding,
                reuse_boxes=options.reuse_boxes,
                left_out=corpus.skipped,
                executor=executor,
                on_progress=on_progress,
            )
        manifest = read_manifest(options.output)
        if options.pack:
            CropPacks(options.output).add(manifest.table["path"].to_pylist())
        if manifest.table.num_rows:
            missed = missed_frames(corpus.records, options.output)
            write_contact_sheet(options.output / CONTACT_SHEET, manifest, missed, executor=executor)
    _print_summary(report, options.output, seconds=time.perf_counter() - begun)
    if options.pack:
        print(f"packed: {options.output / PACKS}")
    if not report.failures and not report.left_out:
        return ALL_OK
    return SOME_FAILED if report.with_crops else NONE_OK


def _check_apart(source: Path, output: Path) -> None:
    """Crops inside the corpus would be read as a part of it the next time."""
    if output.resolve().is_relative_to(source.resolve()):
        raise ConfigError(
            "The crops would lie inside the corpus.",
            where=output,
            next_step=f"Choose an --output beside it, for example {source.resolve()}_crops.",
        )


def _choice(options: argparse.Namespace) -> FrameChoice:
    from zoo.media.choice import Clips, Evenly, EverySeconds

    if (options.clips is None) != (options.clip_frames is None):
        raise ConfigError("--clips and --clip-frames go together.", next_step="For example: --clips 4 --clip-frames 16")
    try:
        if options.clips is not None:
            return Clips(options.clips, options.clip_frames)
        if options.every_seconds is not None:
            return EverySeconds(options.every_seconds)
        return Evenly(options.frames_per_video)
    except ValueError as error:
        raise ConfigError(f"No frames can be chosen so: {error}.") from error


def _print_summary(report: PreprocessReport, output: Path, *, seconds: float) -> None:
    from zoo.datasets.preprocessing.run import REPORT

    rate = report.done_now / seconds if seconds else 0.0
    print(
        f"processed {report.with_crops}/{report.videos} videos ({report.done_now} now), "
        f"{seconds:.1f} s, {rate:.2f} videos/s"
    )
    print(f"faces detected in {report.frames_with_face}/{report.frames} frames ({report.share_with_face:.1%})")
    if report.frames and report.share_with_face < 1 - _MISSED_SHARE:
        print("  more than 10% of the frames show no face: try another --detector, or a --fallback-detector")
    if len(report.detectors) > 1:
        print("  by " + ", ".join(f"{name} {count}" for name, count in report.detectors.items()))
    for split, by_class in report.crops.items():
        print(f"{split}: " + ", ".join(f"{count} {label}" for label, count in by_class.items()) + " crops")
    for what, ids in (("decoded with losses", report.incomplete), ("to be known", report.notes)):
        if ids:
            print(f"{what}: {len(ids)}")
    for failure in report.failures[:_NAMED]:
        print(f"failed: {failure.key}: {failure.status}: {failure.reason.splitlines()[0]}")
    if len(report.failures) > _NAMED:
        print(f"failed: {len(report.failures) - _NAMED} more")
    if report.left_out:
        print(f"left out by the reader: {len(report.left_out)}")
    print(f"report: {output / REPORT}")
    print(f"crops:  {output}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo preprocess", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--input", type=Path, required=True, help="a corpus as downloaded, or any folder of videos or pictures")
    add("--output", type=Path, required=True, help="folder of the crops; an interrupted run is completed")
    add_corpus_arguments(parser)
    add_detector_arguments(
        parser, default="mtcnn", help="mtcnn, retinaface, mediapipe, a plugin's, or none (crops already)"
    )
    add("--faces", default="largest", help="whose faces: largest, all, or manipulated (where the corpus has masks)")
    add("--face-margin", type=float, default=0.2, help="on every side, as a share of the box's longer side")
    add("--image-size", type=int, default=224, help="side of a crop in pixels")
    add("--align", action="store_true", help="turn faces upright, eyes, nose and mouth in the same places")
    add("--reuse-boxes", action="store_true", help="cut fakes at the boxes of the genuine video they were made of")
    add("--frames-per-video", type=int, default=32, help="evenly over the duration")
    add("--every-seconds", type=float, metavar="S", help="one frame every S seconds instead")
    add("--clips", type=int, metavar="N", help="N clips of consecutive frames instead")
    add("--clip-frames", type=int, metavar="M", help="frames a clip")
    add("--format", choices=("jpg", "png"), default="jpg", help="of the crops")
    add("--quality", type=int, default=95, help="of JPEG, 1 to 100")
    add("--pack", action="store_true", help="put the crops into a few large files")
    add_executor_arguments(parser, workers="processes", item="video")
    return parser
