"""``zoo extract-features``: the videos of a corpus to a packed store of visual and audio features.

Exit codes: 0 every video gave features, 3 some did not (extraction_report.json names them), 1 none did,
2 wrong arguments or data. A run that was killed is completed by repeating it.
"""

from __future__ import annotations

import argparse
import ast
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.errors import ConfigError, UnknownComponent, did_you_mean

if TYPE_CHECKING:
    from zoo.features.extraction import ExtractionReport
    from zoo.structures import VideoRecord

ALL_OK: Final = 0
NONE_OK: Final = 1
SOME_FAILED: Final = 3
_SPLITS: Final = ("train", "val", "test")
_NAMED: Final = 5  # how many failures are printed


def main(argv: Sequence[str] | None = None) -> int:
    """Extract as ``argv`` asks, print a summary, and return the exit code that the module describes."""
    options = _parser().parse_args(argv)
    begun = time.perf_counter()
    from zoo.features.extraction import REPORT, extract_all
    from zoo.features.extractor import Extractor
    from zoo.jobs.progress import show_progress
    from zoo.registry import build

    corpus, records, left_out = _records(options)
    extractor = Extractor(
        visual=build("embedder", {"type": options.visual, **options.visual_options}),
        audio=build("embedder", {"type": options.audio, **options.audio_options}),
        face_detector=build("face_detector", {"type": options.face_detector, **options.face_detector_options}),
        rate_hz=options.rate,
    )
    _check_modality(extractor.visual, "visual", options.visual)
    _check_modality(extractor.audio, "audio", options.audio)
    print(f"{options.input}: {len(records)} videos ({corpus}) -> {options.output}")
    with show_progress("Extracting") as on_progress:
        report = extract_all(
            records,
            options.output,
            extractor,
            workers=options.num_workers,
            timeout_s=options.timeout,
            memory_bytes=round(options.memory_gb * (1 << 30)),
            retry_failed=options.retry_failed,
            left_out=left_out,
            on_progress=on_progress,
        )
    _print_summary(report, options.output / REPORT, seconds=time.perf_counter() - begun)
    if not report.failures and not report.left_out:
        return ALL_OK
    return SOME_FAILED if report.ok else NONE_OK


def _records(options: argparse.Namespace) -> tuple[str, Sequence[VideoRecord], Mapping[str, str]]:
    """The reader's name, the videos at ``--input`` with their splits, and the files that its reader left out."""
    import inspect

    from zoo.registry import REGISTRIES, build

    name = _corpus_name(options)
    reader: Any = REGISTRIES["corpus"].get(name)
    arguments = dict(options.corpus_options)
    if options.split_ratio is not None and "ratios" in inspect.signature(reader).parameters:
        arguments = {"ratios": options.split_ratio, "seed": options.seed, **arguments}
    scan = build("corpus", {"type": name, **arguments}).scan(options.input)
    records: Sequence[VideoRecord] = scan.records
    if options.split_ratio is not None and all(record.split is None for record in records):
        records = _with_splits(records, options)
    return name, records, scan.skipped


def _corpus_name(options: argparse.Namespace) -> str:
    from zoo.plugins import catalog
    from zoo.registry import REGISTRIES

    names = catalog().names("corpus")
    if options.corpus is not None:
        by_lower = {name.lower(): name for name in names}
        if (name := by_lower.get(options.corpus.lower())) is None:
            raise UnknownComponent(
                f"No corpus named {options.corpus!r}.{did_you_mean(options.corpus, names)}",
                next_step="Run: zoo list corpus",
            )
        return name
    special = [name for name in names if name != "VideoFolder"]
    found = [name for name in special if REGISTRIES["corpus"].get(name).recognise(options.input) is not None]
    if len(found) > 1:
        raise ConfigError(f"The input looks like {' and '.join(found)}.", next_step="Name one with --corpus.")
    return found[0] if found else "VideoFolder"


def _with_splits(records: Sequence[VideoRecord], options: argparse.Namespace) -> list[VideoRecord]:
    """Splits by people and sources where they are known, else by file."""
    from zoo.datasets.corpora.grouping import check_ratios, connected_groups, split_groups

    check_ratios(options.split_ratio)
    ties = [[record.video_id, *record.identities, *record.source_videos] for record in records]
    groups = connected_groups(ties)
    members = [groups[tie[0]] for tie in ties]
    splits = split_groups(members, ratios=options.split_ratio, seed=options.seed, where=options.input)
    return [replace(record, split=splits[group]) for record, group in zip(records, members, strict=True)]


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


class _KeyValues(argparse.Action):
    """``KEY=VALUE ...`` to a dict; values are Python literals, or text where they are none."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        result = {}
        for item in values:
            key, equals, text = item.partition("=")
            if not equals or not key.isidentifier():
                parser.error(f"{option} takes KEY=VALUE, not {item!r}")
            try:
                result[key] = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                result[key] = text
        setattr(namespace, self.dest, result)


def _ratios(text: str) -> Mapping[str, float]:
    shares = [float(part) for part in text.split(",")]
    if len(shares) != len(_SPLITS) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(text)
    return dict(zip(_SPLITS, shares, strict=True))


_ratios.__name__ = "train,val,test shares that sum to 1"  # argparse names the type in its error


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
    add("--corpus", help="reader of the input (zoo list corpus); recognised if not given")
    add("--visual", default="MouthPixels", help="visual embedder (zoo list embedder)")
    add("--audio", default="LogMel", help="audio embedder (zoo list embedder)")
    add("--face-detector", default="MTCNNDetector", help="face detector (zoo list face_detector)")
    for part in ("corpus", "visual", "audio", "face-detector"):
        add(f"--{part}-options", nargs="+", action=_KeyValues, default={}, metavar="KEY=VALUE", help="its arguments")
    add("--rate", type=_rate, metavar="HZ", help="frames a second to use; every frame by default")
    add("--split-ratio", type=_ratios, metavar="TRAIN,VAL,TEST", help="shares of splits where the corpus has none")
    add("--seed", type=int, default=0, help="of these splits")
    add("--num-workers", type=int, help="processes; by default one a CPU, 0 for none")
    add("--timeout", type=float, default=900.0, metavar="SECONDS", help="for one video")
    add("--memory-gb", type=float, default=4.0, help="that a worker may allocate")
    add("--retry-failed", action="store_true", help="extract anew what failed before")
    return parser
