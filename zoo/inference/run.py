"""All files of a folder to one score each: resumable after a kill, every file accounted for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from zoo.errors import DataError
from zoo.files import sweep_partial_files
from zoo.inference.backends.base import Backend
from zoo.inference.batches import CropBatches
from zoo.inference.cutting import CutJob
from zoo.inference.inputs import Inputs
from zoo.inference.scoring import Score, score_files
from zoo.inference.trial import Trial, spread_first
from zoo.jobs.executors import make_executor
from zoo.jobs.journal import Journal
from zoo.jobs.ownership import folder_owner
from zoo.jobs.settings import claim_settings
from zoo.jobs.task import Executor
from zoo.metrics.table import SCHEMA
from zoo.structures import Prediction

JOURNAL: Final = "journal.jsonl"
SETTINGS: Final = "inference.json"
LEFT_OUT: Final = "left_out"
"""Status of what was found and could not be named or entered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What became of all files.

    Attributes:
        by_name: one `Score` a file, those that were left out among them.
        scored_now: files that this run has scored; the others were scored before.
        complete: whether all files were tried; False after a mere estimate.
    """

    by_name: Mapping[str, Score]
    scored_now: int
    complete: bool = True

    @property
    def unscored(self) -> list[Score]:
        """Those without a score, by name."""
        return sorted((one for one in self.by_name.values() if one.score is None), key=lambda one: one.name)


def score_inputs(
    inputs: Inputs,
    job: CutJob,
    backend: Backend,
    *,
    folder: str | os.PathLike,
    settings: Mapping[str, Any],
    batch_size: int = 32,
    executor: Executor | None = None,
    only_estimate: bool = False,
    on_estimate: Callable[[str], None] | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
) -> Scores:
    """Score all ``inputs``; what ``folder`` remembers of an earlier run with the same settings is not done again.

    Files that failed are tried again; a file whose size or time of change is another now is scored anew.

    Args:
        inputs: the files.
        job: cuts their crops.
        backend: scores crops.
        folder: where the run keeps what it has, owned by one run at a time.
        settings: what shapes the scores, as plain values.
        batch_size: crops a batch, of several files together.
        executor: where crops are cut; local processes, one a usable CPU, if None.
        only_estimate: stop once ``on_estimate`` was called.
        on_estimate: called with how long all of it takes, in words, after a few seconds; never for what ends sooner.
        on_progress: called with (done, total, failed).

    Raises:
        DataError: ``folder`` was begun with other settings.
        WorkDirError: it cannot be written, or another run owns it.
    """
    folder = Path(folder)
    executor = executor or make_executor("process")
    found: dict[str, Score] = {}
    with folder_owner(folder) as owner:
        what = f"The scores in {folder.name} were made in another way"
        claim_settings(folder / SETTINGS, settings, conflict=what, another="a new --output, or delete this folder")
        for place in (folder, folder.parent):  # the results lie beside the folder
            sweep_partial_files(place, below=False)
        with Journal(folder / JOURNAL) as journal:
            left = []
            for file in inputs.files:
                value = journal.value(file.name) if file.name in journal else {}
                if value.pop("stamp", None) == list(file.stamp):
                    found[file.name] = Score(**value)
                else:
                    left.append(file)
            before = len(found)
            stamps = {file.name: file.stamp for file in left}
            trial = Trial(len(left))
            failed = 0
            batches = CropBatches(backend, batch_size=batch_size, image_size=job.size)
            order = spread_first(left)
            with closing(score_files(order, job, batches, executor=executor, on_cut=trial.cut)) as results:
                for score in results:
                    owner.check()
                    found[score.name] = score
                    if not score.failed:
                        journal.add(score.name, {**asdict(score), "stamp": stamps[score.name]})
                    failed += score.score is None
                    if (words := trial.scored()) is not None and on_estimate is not None:
                        on_estimate(words)
                        if only_estimate:
                            break
                    if on_progress is not None:
                        on_progress(len(found) - failed, len(inputs.files), failed)
    scored_now = len(found) - before
    complete = len(found) == len(inputs.files)
    for name, reason in inputs.left_out.items():
        found.setdefault(name, Score(name=name, status=LEFT_OUT, note=reason, failed=True))
    return Scores(by_name=found, scored_now=scored_now, complete=complete)


def table_of(inputs: Inputs, scores: Mapping[str, Score]) -> pa.Table:
    """One row a file, by name: its score, or the status that says why there is none."""
    corpora = {file.name: file.record.corpus for file in inputs.files if file.record is not None}
    rows = [
        Prediction(
            sample_id=name,
            video_id=name,
            corpus=corpora.get(name, inputs.source),
            method="unknown",
            label=None,
            score=score.score,
            start_s=score.start_s,
            end_s=score.end_s,
            status=score.status,
        )
        for name, score in sorted(scores.items())
    ]
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=SCHEMA)


def check_paths(output: Path, predictions: Path) -> None:
    """Raise `DataError` where the paths of the results cannot be meant."""
    if output.suffix.lower() != ".csv":
        raise DataError(f"A submission is a .csv file, not {output.name}.", where=output, next_step="Name it x.csv.")
    if output.is_dir() or output.resolve() == predictions.resolve():
        raise DataError(
            "The submission needs a file of its own.",
            where=output,
            next_step="Choose another --output or --predictions.",
        )
    if predictions.suffix.lower() not in (".csv", ".parquet"):
        raise DataError("Predictions are written as .parquet or .csv.", where=predictions)
