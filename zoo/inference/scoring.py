"""Files to scores: workers cut crops, the backend scores them in batches that are filled across files."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from zoo.inference.ahead import run_ahead
from zoo.inference.batches import CropBatches
from zoo.inference.cutting import CutJob
from zoo.inference.inputs import InputFile
from zoo.jobs.task import Executor, Task

_AHEAD: Final = 8  # files whose crops wait for the backend; of stills, two batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What became of one file.

    Attributes:
        name: of the file.
        status: ``ok``, ``no_face``, ``not_finite``, or why it failed (see `zoo.jobs.task.Failure`).
        score: mean of the scores of its crops, in [0, 1], 1 = fake; None unless ``status`` is ``ok``.
        crops: how many were scored.
        start_s, end_s: seconds of the first and the last of them; None for stills.
        note: why there is no score, or what was lost in decoding; else empty.
        failed: whether another try may end otherwise.
    """

    name: str
    status: str
    score: float | None = None
    crops: int = 0
    start_s: float | None = None
    end_s: float | None = None
    note: str = ""
    failed: bool = False


def score_files(
    files: Sequence[InputFile],
    job: CutJob,
    batches: CropBatches,
    *,
    executor: Executor,
    on_cut: Callable[[], None] | None = None,
) -> Generator[Score, None, None]:
    """The score of each of ``files``, in the order in which they are finished.

    Args:
        files: their names are unique.
        job: cuts their crops, wherever ``executor`` runs it.
        batches: scores the crops, in this process.
        executor: runs ``job``.
        on_cut: called for every file whose crops have come.
    """
    tasks = [Task(file.name, file) for file in files]
    cut: dict[str, dict] = {}
    stills = all(file.kind == "picture" for file in files)
    most = max(_AHEAD, 2 * batches.batch_size) if stills else _AHEAD
    with closing(run_ahead(executor.run(job, tasks), most=most)) as outcomes:
        for outcome in outcomes:
            if on_cut is not None:
                on_cut()
            if (failure := outcome.failure) is not None:
                yield Score(name=failure.key, status=failure.status, note=failure.reason, failed=True)
            elif outcome.value["status"] != "ok":
                yield Score(name=outcome.key, status=outcome.value["status"], note="No face was found.")
            else:
                crops = outcome.value.pop("crops")
                cut[outcome.key] = outcome.value
                for name, logits in batches.add(outcome.key, crops):
                    yield _score(name, logits, cut.pop(name))
        for name, logits in batches.flush():
            yield _score(name, logits, cut.pop(name))


def _score(name: str, logits: Sequence[float], cut: dict) -> Score:
    if not all(map(math.isfinite, logits)):
        note = "The detector gave a logit that is not finite."
        return Score(name=name, status="not_finite", crops=len(logits), note=note)
    score = math.fsum(expit(np.asarray(logits, np.float64))) / len(logits)
    times = cut["times"]
    return Score(
        name=name,
        status="ok",
        score=min(score, 1.0),
        crops=len(logits),
        start_s=None if times is None else float(min(times)),
        end_s=None if times is None else float(max(times)),
        note=cut["note"],
    )
