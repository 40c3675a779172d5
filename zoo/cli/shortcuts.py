"""``zoo shortcuts --input CORPUS``: how well trivial properties of the raw files tell real from fake.

Size, bit rate, duration, silence, loudness, resolution, frame rate, codecs, JPEG quality and, with --manifest, the size
of faces: the AUC of each alone and of all together, with intervals by person or family, corrected for their number;
with --predictions beside the AUC of a detector on the same videos. A detector that is no better than these may have
learned nothing else.

Exit codes: 0 done; 2 the corpus cannot be audited; 3 with --strict: a shortcut was found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.cli._corpus_arguments import add_corpus_arguments
from zoo.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from zoo.datasets.shortcut_table import FeatureTable
    from zoo.metrics.known_videos import Clusters
    from zoo.structures import VideoRecord

STRICT: Final = 3
ALL: Final = "all"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)

    import numpy as np
    from rich.console import Console

    from zoo.cli._shortcuts import show
    from zoo.datasets.corpora.reading import read_corpus
    from zoo.datasets.shortcut_table import FACE_SIZE, face_sizes, measure_files
    from zoo.files import sha256_of, write_json
    from zoo.jobs.progress import show_progress
    from zoo.metrics.checks import check_clusters
    from zoo.metrics.known_videos import clusters_of, known_of, read_known_videos
    from zoo.metrics.shortcuts import SERIOUS, audit_shortcuts, check_shortcuts, check_unmeasured, require_both
    from zoo.predictions import read_scores, scores_of_videos

    read = read_corpus(
        options.input,
        corpus=options.corpus,
        options=options.corpus_options,
        split_ratio=options.split_ratio,
        seed=options.seed,
    )
    split, records = _of_split(read.records, options.split, where=options.input)
    scores: dict[str, float] = {}
    if options.predictions:
        table, _ = read_scores(options.predictions)
        scores = scores_of_videos(table, records, where=options.predictions)
        records = [record for record in records if record.video_id in scores]
    records = _sample(records, options.sample)
    require_both([record.label for record in records], where=options.input)
    with show_progress("Measuring files", stream=sys.stderr) as on_progress:
        found = measure_files(records, workers=options.num_workers, journal=options.journal, on_progress=on_progress)
    labels = np.array([record.label for record in found.records], np.int64)
    require_both(labels, where=f"{options.input}, the files that can be measured")
    numbers = dict(found.numbers)
    if options.manifest:
        numbers[FACE_SIZE] = face_sizes(options.manifest, found.records)

    known = read_known_videos(options.groups) if options.groups else known_of(found.records)
    videos = [(record.corpus, record.method, record.video_id) for record in found.records]
    clusters = clusters_of(videos, known)
    audit = audit_shortcuts(
        numbers,
        found.names,
        labels,
        groups=clusters.names,
        folds=_folds(labels, clusters),
        model=[scores[record.video_id] for record in found.records] if scores else None,
        replicates=options.bootstrap,
        seed=options.seed,
    )
    warnings = [
        *check_shortcuts(audit),
        *check_unmeasured(*_tallies(records, found)),
        *check_clusters(
            kind=clusters.kind, count=audit.clusters, unknown=clusters.unknown, all_linked=clusters.all_linked
        ),
    ]
    results: dict[str, Any] = {
        "input": str(options.input),
        "corpus": read.name,
        "split": split,
        "n_real": int(np.count_nonzero(labels == 0)),
        "n_fake": int(np.count_nonzero(labels == 1)),
        **audit.to_dict(),
        "cluster_kind": clusters.kind,
        "bootstrap": {"replicates": options.bootstrap, "seed": options.seed, "confidence": 0.95},
        "predictions": {"file": str(options.predictions), "sha256": sha256_of(options.predictions)}
        if options.predictions
        else None,
        "failed": [{"video_id": item.key, "status": item.status, "reason": item.reason} for item in found.failed],
        "warnings": [{"name": item.name, "text": item.text} for item in warnings],
    }
    if options.json:
        write_json(options.json, results)
    show(Console(), results)
    serious = sorted({item.name for item in warnings} & SERIOUS)
    if options.strict and serious:
        print(f"not sound: {', '.join(serious)}")
        return STRICT
    return 0


def _of_split(records: Sequence[VideoRecord], asked: str | None, *, where: object) -> tuple[str, list[VideoRecord]]:
    """The split that is audited, and its records that have a label.

    Raises:
        DataError: there is no such split, or none of its videos has a label.
    """
    there = {record.split for record in records if record.split is not None}
    split = asked or ("test" if "test" in there else ALL)
    chosen = [record for record in records if split in (ALL, record.split)]
    if not chosen:
        raise DataError(
            f"No video is in the split {split!r}; there {'are ' + ', '.join(sorted(there)) if there else 'is none'}.",
            where=where,
            next_step=f"Choose another --split, or {ALL}; --split-ratio makes splits where a corpus has none.",
        )
    labelled = [record for record in chosen if record.label in (0, 1)]
    if not labelled:
        raise DataError(
            f"None of the {len(chosen):,} videos has a label.",
            where=where,
            next_step="Name the corpus with --corpus, or sort its files into folders real and fake.",
        )
    return split, labelled


def _sample(records: Sequence[VideoRecord], limit: int | None) -> list[VideoRecord]:
    """All of ``records``, or about ``limit`` of them, in proportion to the classes."""
    import numpy as np

    from zoo.datasets.splits import chosen_by_hash

    if limit is None or limit >= len(records):
        return list(records)
    labels = np.array([record.label for record in records])
    return [records[row] for row in chosen_by_hash([record.video_id for record in records], labels, limit)]


def _folds(labels: np.ndarray, clusters: Clusters) -> np.ndarray | None:
    """Folds that share no cluster and leave both classes to learn from; None where there are too few."""
    import numpy as np

    from zoo.ensembles.folds import fold_of

    try:
        folds = fold_of(labels, groups=clusters.names)
    except DataError:
        return None
    return folds if all(len(np.unique(labels[folds != fold])) == 2 for fold in np.unique(folds)) else None


def _tallies(records: Sequence[VideoRecord], found: FeatureTable) -> tuple[list[int], list[int]]:
    """Numbers of reals and of fakes that were measured, and that were not."""
    measured = [sum(record.label == label for record in found.records) for label in (0, 1)]
    return measured, [
        sum(record.label == label for record in records) - count for label, count in zip((0, 1), measured, strict=True)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo shortcuts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--input", type=Path, required=True, metavar="CORPUS", help="a corpus as downloaded, or a folder of files")
    add_corpus_arguments(parser)
    add(
        "--split",
        choices=("train", "val", "test", ALL),
        help="which videos are audited (default: test where the corpus has it, else all)",
    )
    add("--predictions", metavar="FILE", help="of a detector, .parquet or .csv: audits the videos that it names")
    add("--manifest", metavar="FILE", help="of the corpus's face crops: also judges the size of faces")
    add("--groups", metavar="FILE", help="who is in which video, in place of what the corpus tells (see zoo evaluate)")
    add("--sample", type=_positive, metavar="N", help="measure about N files, in proportion to the classes")
    add("--journal", metavar="FILE", help="remembers what is measured: a second call goes on where one was stopped")
    add("--json", metavar="OUT", help="also write all figures and warnings as JSON")
    add("--bootstrap", type=_positive, default=1000, metavar="N", help="replicates, 2 or more (default: %(default)s)")
    add("--num-workers", type=int, help="processes; by default one a CPU, 0 for none")
    add("--strict", action="store_true", help="exit with 3 if a shortcut is found")
    return parser


def _positive(text: str) -> int:
    if (count := int(text)) < 1:
        raise ValueError(text)
    return count


_positive.__name__ = "number above 0"  # argparse names the type in its error
