"""Where tasks run: in this process, or in disposable worker processes."""

from __future__ import annotations

import operator
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from multiprocessing import connection
from typing import Any, Final

from zoo.errors import LaunchError
from zoo.jobs.task import Failure, Outcome, Task
from zoo.jobs.worker import Orders, attempt, load_function

_START_LIMIT_S: Final = 300.0
_EXIT_LIMIT_S: Final = 10.0
_MOST_FALSE_STARTS: Final = 3
_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


def usable_cpus() -> int:
    """CPUs that this process may use, which in a container or under Slurm are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class InProcessExecutor:
    """Runs tasks one after the other right here, for debugging: a breakpoint works, a crash is a crash."""

    def run(self, function: Callable[[Any], Any] | str, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """See `zoo.jobs.task.Executor`."""
        call = load_function(function)
        for task in tasks:
            yield _outcome(task, attempt(call, task.payload))


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
        crew: list[_Worker] = []
        false_starts = 0
        try:
            while upcoming is not None or any(worker.task for worker in crew):
                while upcoming is not None and len(crew) < most:
                    crew.append(_Worker(orders))
                idle = [worker for worker in crew if worker.ready and worker.task is None]
                for worker in idle:
                    if upcoming is None:
                        break
                    worker.begin(upcoming, self.timeout_s)
                    upcoming = next(waiting, None)
                patience = max(0.0, min(worker.deadline for worker in crew) - time.monotonic())
                spoke = connection.wait([worker.inbox for worker in crew], timeout=min(patience, 60.0))
                for worker in [worker for worker in crew if worker.inbox in spoke]:
                    was_ready, task = worker.ready, worker.task
                    reply = worker.hear(function)
                    if task is not None:
                        yield _outcome(task, reply)
                    if worker.gone:
                        crew.remove(worker)
                        false_starts += not was_ready
                for worker in [worker for worker in crew if time.monotonic() > worker.deadline]:
                    crew.remove(worker)
                    worker.kill()
                    false_starts += not worker.ready
                    if worker.task is not None:
                        reason = f"No result within {self.timeout_s:g} s; the worker was ended."
                        yield _outcome(worker.task, ("failed", "timeout", reason, ""))
                if false_starts >= _MOST_FALSE_STARTS:
                    raise LaunchError(
                        f"{false_starts} worker processes ended before they were ready.",
                        where=function,
                        next_step="Run with workers=0 to see the error, or allow more memory.",
                    )
        finally:
            for worker in crew:
                worker.kill()


class _Worker:
    """A worker process as its parent sees it."""

    def __init__(self, orders: Orders):
        receive, send = os.pipe(), os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zoo.jobs.worker", str(receive[0]), str(send[1])],
            pass_fds=(receive[0], send[1]),
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"},
            start_new_session=True,  # Ctrl-C is for the parent to hear
        )
        os.close(receive[0])
        os.close(send[1])
        self.outbox = connection.Connection(receive[1], readable=False)
        self.inbox = connection.Connection(send[0], writable=False)
        self.ready = False
        self.gone = False
        self.task: Task | None = None
        self.deadline = time.monotonic() + _START_LIMIT_S
        self._post(orders)

    def begin(self, task: Task, timeout_s: float) -> None:
        """Hand over a task; its time starts now."""
        self.task, self.deadline = task, time.monotonic() + timeout_s
        self._post((task.payload,))

    def hear(self, function: object) -> tuple:
        """The reply that waits in the pipe, or the way the process ended; the worker is idle afterwards."""
        self.task, self.deadline = None, float("inf")
        try:
            reply = self.inbox.recv()
        except (EOFError, OSError):
            self.gone = True
            return self._post_mortem()
        if reply[0] == "broken":
            raise LaunchError(
                f"The workers cannot load the function: {reply[1]}",
                where=function,
                next_step="Name it as 'package.module:function'; functions of a script or a notebook cannot be found.",
            )
        self.ready = True
        self.gone = reply[:2] == ("failed", "memory")
        if self.gone:
            self.kill()
        return reply

    def kill(self) -> None:
        """End the process and all that it started."""
        self.gone = True
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.inbox.close()
        self.outbox.close()

    def _post(self, message: object) -> None:
        with suppress(BrokenPipeError):  # it died; its inbox tells how
            self.outbox.send(message)

    def _post_mortem(self) -> tuple:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_EXIT_LIMIT_S)
        code = self.process.poll()
        self.kill()
        if code is None:
            return "failed", "crash", "The worker closed its pipe and hung; it was ended.", ""
        if code == -signal.SIGKILL:
            return "failed", "memory", "The worker was killed (SIGKILL), most likely for lack of memory.", ""
        if code == -signal.SIGALRM:
            return "failed", "timeout", "The worker overran its time and was ended by its own alarm.", ""
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        return "failed", "crash", f"The worker {how}.", ""


def _outcome(task: Task, reply: tuple) -> Outcome:
    if reply[0] == "done":
        return Outcome(task.key, value=reply[1])
    _, status, reason, details = reply
    return Outcome(task.key, failure=Failure(key=task.key, status=status, reason=reason, details=details))
