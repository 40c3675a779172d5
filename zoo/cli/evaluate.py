"""``zoo evaluate PREDICTIONS``: all figures of saved predictions, with intervals, and what is wrong with them.

Works on scores made elsewhere: a Parquet or CSV file with video_id, label (0 = real, 1 = fake) and score (from 0 to 1,
1 = surely fake) is enough; sample_id, corpus, method, status and track are used where they are there.

A threshold is chosen on validation predictions (--threshold-from) and kept in a file (--save-threshold, then
--threshold-file). Choosing it on the evaluated videos is refused unless it is asked for.

Exit codes: 0 done; 2 something cannot be evaluated; 3 with --strict: the figures do not mean what they seem to.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from zoo.metrics.known_videos import KnownVideo
    from zoo.metrics.thresholds import Threshold

STRICT: Final = 3


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)

    from rich.console import Console

    from zoo.cli._evaluation import show
    from zoo.files import sha256_of, write_json
    from zoo.metrics.checks import SERIOUS
    from zoo.metrics.evaluation import evaluate
    from zoo.metrics.isolation import seen_before
    from zoo.metrics.known_videos import read_known_videos
    from zoo.metrics.thresholds import save_threshold
    from zoo.predictions import read_scores

    table, notes = read_scores(options.predictions)
    threshold = _threshold(options, table)
    seen: list[KnownVideo] = []
    told: list[KnownVideo] = []
    for path in options.train_manifest:
        before, rest = seen_before(read_known_videos(path))
        seen += before
        told += rest
    results = evaluate(
        table,
        threshold=threshold,
        level=options.level,
        aggregate=options.aggregate,
        groups=read_known_videos(options.groups) if options.groups else None,
        seen=seen if options.train_manifest else None,
        told=told,
        against={path: read_scores(path)[0] for path in options.against},
        replicates=options.bootstrap,
        seed=options.seed,
    )
    results["warnings"] = [{"name": name, "text": text} for name, text in notes.items()] + results["warnings"]
    results |= {
        "experiment": Path(options.predictions).stem,
        "levels": {level: level for level in ("video", "track", "sample") if level in results},
        "predictions": {"file": str(options.predictions), "sha256": sha256_of(options.predictions)},
    }
    if options.save_threshold:
        save_threshold(options.save_threshold, threshold)
    if options.json:
        write_json(options.json, results)
    show(Console(), results)
    serious = sorted({warning["name"] for warning in results["warnings"]} & SERIOUS)
    if options.strict and serious:
        print(f"not sound: {', '.join(serious)}")
        return STRICT
    return 0


def _parser() -> argparse.ArgumentParser:
    from zoo.metrics.thresholds import CRITERIA

    parser = argparse.ArgumentParser(
        prog="zoo evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", metavar="PREDICTIONS", help="a .parquet or .csv file, one row a sample")
    parser.add_argument("--json", metavar="OUT", help="also write all figures, intervals and warnings as JSON")
    parser.add_argument(
        "--level",
        choices=("video", "track", "sample"),
        default="video",
        help="at which a threshold is chosen, models are compared and warnings are judged; figures are given at all "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--aggregate",
        default="mean",
        metavar="HOW",
        help="one score of many: mean, median, topK (mean of the K highest), noisy-or (default: %(default)s)",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--threshold", type=_share, metavar="X", help="called fake from this score on (default: 0.5)")
    source.add_argument("--threshold-from", metavar="VAL", help="choose it on these predictions of validation data")
    source.add_argument("--threshold-file", metavar="FILE", help="what --save-threshold wrote")
    parser.add_argument(
        "--criterion", choices=CRITERIA, default="balanced_accuracy", help="how it is chosen (default: %(default)s)"
    )
    parser.add_argument("--save-threshold", metavar="FILE", help="keep the chosen threshold, as JSON")
    parser.add_argument(
        "--threshold-on-this-split",
        action="store_true",
        help="let it be chosen on the evaluated videos, which flatters; every output says so",
    )
    parser.add_argument(
        "--against",
        nargs="+",
        action="extend",
        default=[],
        metavar="OTHER",
        help="predictions of other models, compared on the common videos by paired tests",
    )
    parser.add_argument(
        "--groups",
        metavar="FILE",
        help="who is in which video (a manifest, or columns video_id and identity): intervals by person",
    )
    parser.add_argument(
        "--train-manifest",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="what training and validation saw (manifests, predictions or lists with video_id): tells leaks",
    )
    parser.add_argument(
        "--bootstrap", type=_count, default=1000, metavar="N", help="replicates; 0: no intervals (default: %(default)s)"
    )
    parser.add_argument("--seed", type=_count, default=0, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--strict", action="store_true", help="exit with 3 on a warning that voids the figures")
    return parser


def _threshold(options: argparse.Namespace, table: pa.Table) -> Threshold:
    """The threshold that is asked for; one that was chosen on evaluated videos only if that is asked for too.

    Raises:
        DataError: it was chosen on evaluated videos, and that was not asked for.
    """
    from dataclasses import replace

    from zoo.metrics.thresholds import Threshold, read_threshold, same_videos

    if options.threshold is not None:
        return Threshold(value=options.threshold, origin="given")
    if options.threshold_from:
        from zoo.predictions import read_scores

        threshold = _chosen(options, read_scores(options.threshold_from)[0], "validation")
    elif options.threshold_file:
        threshold = read_threshold(options.threshold_file)
    elif options.threshold_on_this_split:
        return _chosen(options, table, "evaluated")
    else:
        return Threshold()
    common = same_videos(threshold, table)
    if not common:
        return threshold
    if not options.threshold_on_this_split:
        raise DataError(
            f"The threshold was chosen on {common:,} of the videos that are evaluated, which flatters every figure "
            "at a threshold.",
            where=options.threshold_from or options.threshold_file,
            next_step="Choose it on validation data, or ask for this: --threshold-on-this-split.",
        )
    return replace(threshold, origin="evaluated")


def _chosen(options: argparse.Namespace, table: pa.Table, origin: str) -> Threshold:
    from zoo.errors import ConfigError
    from zoo.metrics.levels import levels_of
    from zoo.metrics.table import in_order, scored
    from zoo.metrics.thresholds import choose_on

    levels = levels_of(scored(in_order(table)), how=options.aggregate)
    if options.level not in levels:
        raise ConfigError(f"The predictions have no {options.level} level.", where=options.threshold_from)
    return choose_on(
        table,
        levels[options.level].table,
        criterion=options.criterion,
        level_name=options.level,
        aggregate=options.aggregate,
        origin=origin,
    )


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1]")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
