"""A disposable worker process as its parent sees it; `zoo.jobs.worker` is what runs inside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import connection
from typing import Final

from zoo.errors import LaunchError
from zoo.jobs.task import Task
from zoo.jobs.worker import Orders

MOST_FALSE_STARTS: Final = 3
_START_LIMIT_S: Final = 300.0
_EXIT_LIMIT_S: Final = 10.0
_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class WorkerProcess:
    """A process that loads one function and calls it on task after task, until it is ended or ends by itself.

    The owner waits for ``inbox``, no longer than until ``deadline`` (on the monotonic clock), and then calls `hear`,
    or `overrun` when the time is up. It is ``ready`` once the function is loaded, and ``gone`` when it has ended.

    Args:
        orders: what to load, and the limits.
    """

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
        self.orders = orders
        self.ready = False
        self.gone = False
        self.task: Task | None = None
        self.deadline = time.monotonic() + _START_LIMIT_S
        self._post(orders)

    def begin(self, task: Task) -> None:
        """Hand over a task; its time starts now."""
        self.task, self.deadline = task, time.monotonic() + self.orders.timeout_s
        self._post((task.payload,))

    def wait(self) -> bool:
        """Whether it spoke or ended before its deadline."""
        return self.inbox.poll(max(0.0, self.deadline - time.monotonic()))

    def hear(self, function: object) -> tuple:
        """The reply that waits in the pipe, or the way the process ended; the worker is idle afterwards.

        Raises:
            LaunchError: ``function``, which the orders hold, cannot be loaded.
        """
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

    def overrun(self) -> tuple:
        """End the process, whose time is up; the reply in place of its own."""
        self.kill()
        return "failed", "timeout", f"No result within {self.orders.timeout_s:g} s; the worker was ended.", ""

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


def never_ready(count: int, function: object) -> LaunchError:
    """The error when ``count`` workers in a row ended before they were ready."""
    return LaunchError(
        f"{count} worker processes ended before they were ready.",
        where=function,
        next_step="Run with workers=0 to see the error, or allow more memory.",
    )
