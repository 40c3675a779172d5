"""``zoo extract-features``: the videos of a corpus to a packed store of visual and audio features.

Exit codes: 0 every video gave features, 3 some did not (extraction_report.json names them), 1 none did,
2 wrong arguments or data. A run that was killed is completed by repeating it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.cli._corpus_arguments import KeyValues, add_corpus_arguments
from zoo.errors import ConfigError, DataError

if TYPE_CHECKING:
    from zoo.datasets.corpora.reading import CorpusRead
    from zoo.features.extraction import ExtractionReport

ALL_OK: Final = 0
NONE_OK: Final = 1
SOME_FAILED: Final = 3
_NAMED: Final = 5  # how many failures are printed


def main(argv: Sequence[str] | None = None) -> int:
    """Extract as ``argv`` asks, print a summary, and return the exit code that the module describes."""
    options = _parser().parse_args(argv)
    begun = time.perf_counter()
    from zoo.datasets.corpora.reading import read_corpus
    from zoo.features.extraction import REPORT, extract_all
    from zoo.features.extractor import Extractor
    from zoo.jobs.progress import show_progress
    from zoo.registry import build

    corpus = read_corpus(
        options.input,
        corpus=options.corpus,
        options=options.corpus_options,
        split_ratio=options.split_ratio,
        seed=options.seed,
    )
    _check_videos(corpus)
    extractor = Extractor(
        visual=build("embedder", {"type": options.visual, **options.visual_options}),
        audio=build("embedder", {"type": options.audio, **options.audio_options}),
        face_detector=build("face_detector", {"type": options.face_detector, **options.face_detector_options}),
        rate_hz=options.rate,
    )
    _check_modality(extractor.visual, "visual", options.visual)
    _check_modality(extractor.audio, "audio", options.audio)
    print(f"{options.input}: {len(corpus.records)} videos ({corpus.name}) -> {options.output}")
    with show_progress("Extracting") as on_progress:
        report = extract_all(
            corpus.records,
            options.output,
            extractor,
            workers=options.num_workers,
            timeout_s=options.timeout,
            memory_bytes=round(options.memory_gb * (1 << 30)),
            retry_failed=options.retry_failed,
            left_out=corpus.skipped,
            on_progress=on_progress,
        )
    _print_summary(report, options.output / REPORT, seconds=time.perf_counter() - begun)
    if not report.failures and not report.left_out:
        return ALL_OK
    return SOME_FAILED if report.ok else NONE_OK


def _check_videos(corpus: CorpusRead) -> None:
    from zoo.datasets.corpora.tree import IMAGE_SUFFIXES

    if all(record.member or Path(record.path).suffix.lower() in IMAGE_SUFFIXES for record in corpus.records):
        raise DataError(
            f"{corpus.name} holds pictures, and features are extracted from videos.",
            where="--input",
            next_step="Give the folder of the videos.",
        )


def _check_modality(embedder: Any, modality: str, name: str) -> None:
    if embedder.modality != modality:
        raise ConfigError(
            f"{name} embeds {embedder.modality}, not {modality}.",
            where=f"--{modality}",
            next_step="Run: zoo list embedder",
        )


def _print_summary(report: ExtractionReport, path: Path, *, seconds: float) -> None:
    before = report.videos - report.extracted_now
    print(
        f"processed {report.ok}/{report.videos} videos ({report.extracted_now} now, {before} before), "
        f"{report.frames} frames, faces found in {report.share_with_face:.1%}, "
        f"{seconds:.1f} s, {report.extracted_now / seconds:.2f} videos/s"
    )
    if report.silent:
        print(f"without usable sound: {len(report.silent)}")
    if report.incomplete:
        print(f"decoded with losses: {len(report.incomplete)}")
    for failure in report.failures[:_NAMED]:
        print(f"failed: {failure.key}: {failure.status}: {failure.reason.splitlines()[0]}")
    if report.left_out:
        print(f"left out by the reader: {len(report.left_out)}")
    if len(report.failures) > _NAMED:
        print(f"failed: {len(report.failures) - _NAMED} more")
    print(f"report: {path}" + ("; --retry-failed tries failed videos again" if report.failures else ""))


def _rate(text: str) -> float:
    if not 0 < (rate := float(text)) < 1000:
        raise ValueError(text)
    return rate


_rate.__name__ = "frames a second"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo extract-features", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--input", type=Path, required=True, help="a corpus as downloaded, a folder of videos, or one video")
    add("--output", type=Path, required=True, help="folder of the feature store")
    add_corpus_arguments(parser)
    add("--visual", default="MouthPixels", help="visual embedder (zoo list embedder)")
    add("--audio", default="LogMel", help="audio embedder (zoo list embedder)")
    add("--face-detector", default="MTCNNDetector", help="face detector (zoo list face_detector)")
    for part in ("visual", "audio", "face-detector"):
        add(f"--{part}-options", nargs="+", action=KeyValues, default={}, metavar="KEY=VALUE", help="its arguments")
    add("--rate", type=_rate, metavar="HZ", help="frames a second to use; every frame by default")
    add("--num-workers", type=int, help="processes; by default one a CPU, 0 for none")
    add("--timeout", type=float, default=900.0, metavar="SECONDS", help="for one video")
    add("--memory-gb", type=float, default=4.0, help="that a worker may allocate")
    add("--retry-failed", action="store_true", help="extract anew what failed before")
    return parser
