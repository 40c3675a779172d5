"""Resumable lists of independent tasks, run so that no single one can take the rest down."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.errors import DataError
from zoo.files import write_json
from zoo.jobs.executors import make_executor
from zoo.jobs.journal import Journal
from zoo.jobs.task import Executor, Failure, Task

__all__ = ["Failure", "JobReport", "Task", "run_tasks"]


@dataclass(slots=True)
class JobReport:
    """What became of a list of tasks: how many are ``done``, which ``failed``, how many were done before."""

    done: int = 0
    failed: list[Failure] = field(default_factory=list)
    skipped_as_done: int = 0
    seconds: float = 0.0

    def write(self, path: str | os.PathLike) -> None:
        """Save the report as JSON, failures sorted by key."""
        write_json(path, {**asdict(self), "failed": [asdict(f) for f in sorted(self.failed, key=lambda f: f.key)]})

    def require(self, *, max_failed_fraction: float, where: object = None) -> None:
        """Refuse a result of which more than ``max_failed_fraction`` failed.

        Raises:
            DataError: too many tasks failed; it counts the reasons and shows the first failures.
        """
        total = self.done + self.skipped_as_done + len(self.failed)
        if len(self.failed) <= max_failed_fraction * total:
            return
        counts: dict[str, int] = {}
        for failure in self.failed:
            counts[failure.status] = counts.get(failure.status, 0) + 1
        reasons = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items(), key=lambda kv: -kv[1]))
        first = "; ".join(f"{f.key}: {f.reason.splitlines()[0]}" for f in self.failed[:3])
        raise DataError(
            f"{len(self.failed)} of {total} tasks failed ({reasons}), more than {max_failed_fraction:.0%}. {first}",
            where=where,
            next_step="Mend or remove the files that the report names, then run again: what is done is kept.",
        )


def run_tasks(
    tasks: Iterable[Task],
    function: Callable[[Any], Any] | str,
    *,
    workers: int | None = None,
    timeout_s: float = 600.0,
    memory_bytes: int | None = None,
    on_result: Callable[[str, Any], None] | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
    journal_path: str | os.PathLike | None = None,
    fingerprint: str = "",
    keep_values: bool = False,
    is_done: Callable[[str, Any], bool] | None = None,
    executor: Executor | None = None,
) -> JobReport:
    """Call ``function`` with the payload of every task, and account for each of them.

    A task that raises, hangs, exceeds its memory or kills its process becomes a `Failure`; the others go on. With a
    journal a second call does what is left: tasks that are done are skipped, failed ones are tried again. A key is
    journaled after ``on_result`` returned, so whatever ``on_result`` saves is there for every key that is skipped.
    An interrupt (Ctrl-C) ends the workers at once and passes through; calling again goes on.

    Args:
        tasks: the work; keys are unique.
        function: ``"package.module:name"``, or a picklable callable that lives in an importable module. It is loaded
            once a worker, so what it caches is kept from task to task. It returns plain, picklable data.
        workers: worker processes, each with a single computing thread; None for one a usable CPU, 0 to run in this
            process (for debugging: without limits of time and memory).
        timeout_s: wall-clock seconds for one task.
        memory_bytes: what a worker may allocate beyond what it holds once ``function`` is loaded.
        on_result: called here with key and value of every finished task.
        on_progress: called here with (done, total, failed); see `zoo.jobs.progress.show_progress`.
        journal_path: the file that remembers finished keys.
        fingerprint: names the settings of the job; a journal of other settings is refused.
        keep_values: journal the values as well (plain types; see `zoo.jobs.journal.Journal`).
        is_done: asked with key and journaled value whether what the task made is still there; if not, it is done anew.
        executor: where to run, in place of local processes; it has its own ``workers`` and limits.

    Raises:
        DataError: two tasks have one key, or the journal belongs to another job.
        LaunchError: the workers cannot load ``function``.
    """
    tasks = list(tasks)
    keys = [task.key for task in tasks]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"Two tasks have the key {twice!r}.", next_step="Give every task a key of its own.")
    if executor is None:
        executor = make_executor("process", workers=workers, timeout_s=timeout_s, memory_bytes=memory_bytes)

    started = time.monotonic()
    report = JobReport()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(journal_path, fingerprint=fingerprint))
        done = {key for key in keys if key in journal and (is_done is None or is_done(key, journal.value(key)))}
        left = [task for task in tasks if task.key not in done]
        report.skipped_as_done = len(tasks) - len(left)
        _tell(on_progress, report, len(tasks))
        # closed explicitly: the traceback of an interrupt would keep the workers alive
        outcomes = stack.enter_context(closing(executor.run(function, left)))
        for outcome in outcomes:
            if outcome.failure is not None:
                report.failed.append(outcome.failure)
            else:
                if on_result is not None:
                    on_result(outcome.key, outcome.value)
                journal.add(outcome.key, outcome.value if keep_values else None)
                report.done += 1
            _tell(on_progress, report, len(tasks))
    report.seconds = time.monotonic() - started
    return report


def _tell(on_progress: Callable[[int, int, int], None] | None, report: JobReport, total: int) -> None:
    if on_progress is not None:
        on_progress(report.done + report.skipped_as_done, total, len(report.failed))
