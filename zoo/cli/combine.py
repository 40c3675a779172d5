"""``zoo combine A.parquet B.csv --output OUT.parquet``: one prediction a video out of several members' predictions.

A file has the columns of zoo's predictions, or is made elsewhere: ``video_id`` and ``score`` in [0, 1] (1 = fake) are
the least, ``label`` (0 = real, 1 = fake) is needed to fit; ``corpus``, ``method``, ``status`` and ``sample_id`` are
taken if they are there. Videos are joined by corpus and video_id, a video's score is the mean of its samples, and a
video that some members have no score for is scored by the others; the column ``members`` says by which.

Combiners that learn, calibrators and abstentions are fitted to the files after --fit-on, given in the same order:
the members' predictions for validation data. Nothing is ever fitted to the files that are combined, unless they are
given there too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.cli._words import rate
from zoo.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from zoo.ensembles.ensemble import Ensemble
    from zoo.ensembles.joining import Joined

COMBINERS: Final = {
    "logit": "LogitMeanCombiner",
    "mean": "MeanCombiner",
    "rank": "RankMeanCombiner",
    "stacking": "StackingCombiner",
    "weighted": "WeightedMeanCombiner",
}
CALIBRATORS: Final = {
    "isotonic": "IsotonicCalibrator",
    "platt": "PlattCalibrator",
    "temperature": "TemperatureCalibrator",
}


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)

    from rich.console import Console

    from zoo.ensembles.files import PredictionFiles, read_ensemble, write_ensemble
    from zoo.ensembles.joining import join
    from zoo.predictions import write_predictions

    console = Console()
    _refuse_contradictions(options)
    ensemble = read_ensemble(options.load) if options.load else None
    files = PredictionFiles(options.files, names=options.names)
    if ensemble is None:
        ensemble = _ensemble(options, tuple(files))
        _fit(console, ensemble, options, tuple(files))
    joined = join(files)
    predictions = ensemble.predict(joined)
    write_predictions(options.output, predictions)
    _show(console, joined, predictions)
    print(f"written: {options.output}")
    if options.save:
        write_ensemble(options.save, ensemble)
        print(f"written: {options.save}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo combine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="predictions, .parquet or .csv, one file a member")
    parser.add_argument("--output", required=True, metavar="FILE", help="predictions of the ensemble, .parquet or .csv")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="the members' names (default: the files' names)")
    parser.add_argument(
        "--combiner", metavar="NAME", help=f"{', '.join(COMBINERS)}, or a component of that kind (default: mean)"
    )
    parser.add_argument("--weights", nargs="+", type=float, metavar="X", help="a weight a member, instead of fitting")
    parser.add_argument("--calibrator", metavar="NAME", help=f"{', '.join(CALIBRATORS)}, or a component of that kind")
    parser.add_argument(
        "--abstain-at",
        type=float,
        metavar="ERROR",
        help="decide real, fake or nothing, with this share of errors in each class at the most",
    )
    parser.add_argument("--fit-on", nargs="+", metavar="FILE", help="the members' predictions for validation data")
    parser.add_argument("--save", metavar="FILE", help="the fitted ensemble, as JSON")
    parser.add_argument("--load", metavar="FILE", help="an ensemble that was saved, instead of making one")
    return parser


def _refuse_contradictions(options: argparse.Namespace) -> None:
    given = [name for name in ("combiner", "weights", "calibrator", "abstain_at", "fit_on") if getattr(options, name)]
    if options.load and given:
        named = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ConfigError(f"An ensemble that was saved is used as it is, so nothing goes with --load: {named}.")


def _ensemble(options: argparse.Namespace, members: tuple[str, ...]) -> Ensemble:
    from zoo.ensembles.abstention import ConformalAbstention
    from zoo.ensembles.ensemble import Ensemble
    from zoo.registry import build

    name = options.combiner or ("weighted" if options.weights else "mean")
    combiner: dict[str, Any] = {"type": COMBINERS.get(name, name)}
    if options.weights:
        if combiner["type"] != "WeightedMeanCombiner":
            raise ConfigError("Only the combiner 'weighted' takes --weights.")
        if len(options.weights) != len(members):
            raise ConfigError(f"There are {len(members)} members and {len(options.weights)} weights.")
        combiner["weights"] = options.weights
    calibrator = None
    if options.calibrator:
        calibrator = build("calibrator", {"type": CALIBRATORS.get(options.calibrator, options.calibrator)})
    abstention = None if options.abstain_at is None else ConformalAbstention(error=options.abstain_at)
    return Ensemble(members, build("combiner", combiner), calibrator, abstention)


def _fit(console: Console, ensemble: Ensemble, options: argparse.Namespace, members: tuple[str, ...]) -> None:
    from zoo.ensembles.files import PredictionFiles
    from zoo.ensembles.joining import join

    if options.fit_on is None:
        if ensemble.learns:
            raise ConfigError(
                "This ensemble is fitted, and there is nothing to fit it to.",
                next_step="Give the members' predictions for validation data, in the order of the files: --fit-on.",
            )
        return
    if len(options.fit_on) != len(members):
        raise ConfigError(f"--fit-on has {len(options.fit_on)} files for {len(members)} members; give one each.")
    if {Path(path).resolve() for path in options.fit_on} & {Path(path).resolve() for path in options.files}:
        console.print(
            "WARNING: THE ENSEMBLE IS FITTED TO FILES THAT IT COMBINES. All figures below, and the error level of "
            "decisions, flatter it.",
            style="bold red",
        )
    ensemble.fit(join(PredictionFiles(options.fit_on, names=members)))
    told = ensemble.calibration
    if told is not None:
        after = "" if told["ece_after"] is None else f", calibrated {told['ece_after']:.4f}"
        console.print(f"Out of fold, over {told['n']:,} videos fitted to: ECE {told['ece_before']:.4f}{after}.")


def _show(console: Console, joined: Joined, predictions: pa.Table) -> None:
    import numpy as np
    import pyarrow.compute as pc
    from rich.table import Table

    labels = joined.labels
    scores = predictions["score"].fill_null(np.nan).to_numpy()
    table = Table("member", "videos", "labelled", "AUC", "macro F1", "ECE")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = [*zip(joined.members, joined.scores.T, strict=True), ("ENSEMBLE", scores)]
    for name, column_scores in rows:
        has = ~np.isnan(column_scores)
        known = has & (labels >= 0)
        figures = _figures(column_scores[known], labels[known])
        table.add_row(name, f"{has.sum():,}", f"{known.sum():,}", *figures)
    console.print(table)
    console.print("Each row is over the videos that it has a score for; a video is fake from 0.5 on (macro F1).")
    found = pc.value_counts(predictions["members"]).to_pylist()
    for item in sorted(found, key=lambda item: -item["counts"]):
        if item["values"] is not None:
            console.print(f"{item['counts']:,} videos scored by {item['values']}", markup=False, highlight=False)
    bad = predictions.filter(pc.not_equal(predictions["status"], "ok"))
    for item in pc.value_counts(bad["status"]).to_pylist():
        console.print(f"{item['counts']:,} videos without a score: {item['values']}", markup=False, style="yellow")
    if "decision" in predictions.column_names:
        _show_decisions(console, predictions["decision"].fill_null("").to_numpy(), labels)


def _figures(scores: Any, labels: Any) -> list[str]:
    import pyarrow as pa

    from zoo.metrics.summary import level_figures

    found = level_figures(pa.table({"score": scores, "label": labels}))
    return [rate(found[name]) for name in ("auc", "macro_f1", "ece")]


def _show_decisions(console: Console, decisions: Any, labels: Any) -> None:
    for label, name, other in ((0, "real", "fake"), (1, "fake", "real"), (-1, "unlabelled", None)):
        mine = decisions[(labels == label) & (decisions != "")]
        if not len(mine):
            continue
        counts = [f"{(mine == word).sum():,} {word}" for word in ("real", "fake", "abstain")]
        wrong = f" ({(mine == other).mean():.2%} wrong)" if other else ""
        console.print(f"{len(mine):,} {name} videos decided: {', '.join(counts)}{wrong}", markup=False, highlight=False)
