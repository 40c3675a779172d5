"""Where tasks run: in this process, in disposable worker processes, or on a cluster."""

from __future__ import annotations

import operator
import os
import pickle
import time
from collections.abc import Callable, Generator, Iterable
from multiprocessing import connection
from typing import Any, Final

from zoo.errors import ConfigError, did_you_mean
from zoo.jobs.task import Executor, Failure, Outcome, Task
from zoo.jobs.worker import Orders, attempt, load_function
from zoo.jobs.worker_process import MOST_FALSE_STARTS, WorkerProcess, never_ready

EXECUTORS: Final = ("process", "ray")


def usable_cpus() -> int:
    """CPUs that this process may use, which in a container or under Slurm are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_executor(
    name: str,
    *,
    workers: int | None = None,
    timeout_s: float = 600.0,
    memory_bytes: int | None = None,
    address: str = "auto",
) -> Executor:
    """The executor that a command line names.

    Args:
        name: ``process``, or ``ray`` for an existing cluster.
        workers: how many tasks at a time; None for one a usable CPU, here or of the cluster. 0 runs them in this
            process one by one, without limits of time and memory.
        timeout_s: wall-clock seconds for one task.
        memory_bytes: what a worker may allocate beyond what it holds once the function is loaded.
        address: of the Ray cluster.

    Raises:
        ConfigError: no executor has that name.
        MissingDependency: Ray is asked for and not installed.
    """
    if name not in EXECUTORS:
        raise ConfigError(f"No executor {name!r}.{did_you_mean(name, EXECUTORS)} There are {', '.join(EXECUTORS)}.")
    if workers == 0:
        return InProcessExecutor()
    if name == "process":
        return ProcessExecutor(workers=workers, timeout_s=timeout_s, memory_bytes=memory_bytes)
    from zoo.jobs.ray import RayExecutor

    return RayExecutor(address=address, tasks_in_flight=workers, timeout_s=timeout_s, memory_bytes=memory_bytes)


class InProcessExecutor:
    """Runs tasks one after the other right here, for debugging: a breakpoint works, a crash is a crash."""

    def run(self, function: Callable[[Any], Any] | str, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """See `zoo.jobs.task.Executor`."""
        call = load_function(function)
        for task in tasks:
            yield outcome_of(task, attempt(call, task.payload))


class ProcessExecutor:
    """Runs tasks in local worker processes that are replaced when they hang, crash or run out of memory.

    Args:
        workers: how many processes; None for one a usable CPU.
        timeout_s: wall-clock seconds for one task.
        memory_bytes: what a worker may allocate beyond what it holds once the function is loaded.
    """

    def __init__(self, *, workers: int | None = None, timeout_s: float = 600.0, memory_bytes: int | None = None):
        self.workers = workers or usable_cpus()
        self.timeout_s = timeout_s
        self.memory_bytes = memory_bytes

    def run(self, function: Callable[[Any], Any] | str, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """See `zoo.jobs.task.Executor`.

        Raises:
            LaunchError: workers cannot be started or cannot load ``function``.
        """
        orders = Orders(pickle.dumps(function), self.timeout_s, self.memory_bytes)
        most = min(self.workers, operator.length_hint(tasks, self.workers))
        waiting = iter(tasks)
        upcoming = next(waiting, None)
        crew: list[WorkerProcess] = []
        false_starts = 0
        try:
            while upcoming is not None or any(worker.task for worker in crew):
                while upcoming is not None and len(crew) < most:
                    crew.append(WorkerProcess(orders))
                idle = [worker for worker in crew if worker.ready and worker.task is None]
                for worker in idle:
                    if upcoming is None:
                        break
                    worker.begin(upcoming)
                    upcoming = next(waiting, None)
                patience = max(0.0, min(worker.deadline for worker in crew) - time.monotonic())
                spoke = connection.wait([worker.inbox for worker in crew], timeout=min(patience, 60.0))
                for worker in [worker for worker in crew if worker.inbox in spoke]:
                    was_ready, task = worker.ready, worker.task
                    reply = worker.hear(function)
                    if task is not None:
                        yield outcome_of(task, reply)
                    if worker.gone:
                        crew.remove(worker)
                        false_starts += not was_ready
                for worker in [worker for worker in crew if time.monotonic() > worker.deadline]:
                    crew.remove(worker)
                    task, reply = worker.task, worker.overrun()
                    false_starts += not worker.ready
                    if task is not None:
                        yield outcome_of(task, reply)
                if false_starts >= MOST_FALSE_STARTS:
                    raise never_ready(false_starts, function)
        finally:
            for worker in crew:
                worker.kill()


def outcome_of(task: Task, reply: tuple) -> Outcome:
    """How ``task`` ended, out of what a worker replied (see `zoo.jobs.worker.attempt`)."""
    if reply[0] == "done":
        return Outcome(task.key, value=reply[1])
    _, status, reason, details = reply
    return Outcome(task.key, failure=Failure(key=task.key, status=status, reason=reason, details=details))
