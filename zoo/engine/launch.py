"""Start the ranks of a run on this machine and watch them: one failure ends all, with one error that names the rank.

The workers get torchrun's environment and error files, so a tool behaves the same under torchrun. Own supervision
instead of its agent, because a preempted run (exit code `PREEMPTED`) and a user's mistake must not be restarted,
signals must reach the ranks but not their data loader workers, and what fails must fit on a screen.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from zoo.errors import ConfigError, LaunchError, WorkDirError, ZooError
from zoo.files import atomic_write

FAILED: Final = 1
USER_ERROR: Final = 2
PREEMPTED: Final = 75
"""Exit code of a run that a signal stopped after a checkpoint (EX_TEMPFAIL: start it again with ``--resume auto``)."""
INTERRUPTED: Final = 130

FAILURE_GRACE_S: Final = 5.0
INTERRUPT_GRACE_S: Final = 10.0
PREEMPTION_GRACE_S: Final = 600.0
_POLL_S: Final = 0.1
_SUPERVISOR: Final = "ZOO_SUPERVISOR_PID"
_FORWARDED: Final = {  # what we receive: what the ranks get, and how long they may take
    signal.SIGINT: (signal.SIGINT, INTERRUPT_GRACE_S),
    signal.SIGTERM: (signal.SIGTERM, PREEMPTION_GRACE_S),
    signal.SIGHUP: (signal.SIGTERM, PREEMPTION_GRACE_S),
    signal.SIGUSR1: (signal.SIGUSR1, PREEMPTION_GRACE_S),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a rank ended: ``code`` as subprocess gives it, negative for a signal; ``at`` in Unix seconds."""

    rank: int
    pid: int
    code: int
    reason: str | None
    traceback: str | None
    at: float

    @property
    def killed(self) -> bool:
        """Ended by a signal from outside. An abort is the process's own doing, often an echo of another's death."""
        return self.code < 0 and self.code != -signal.SIGABRT

    def describe(self) -> str:
        """``was killed by SIGKILL``, or what its error says."""
        if self.code < 0:
            return f"was killed by {signal.Signals(-self.code).name}"
        if self.reason is None:
            return f"ended with exit code {self.code}; its own output is above"
        return f"failed: {self.reason}"


def starts_workers(launcher: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the tool has to start the ranks itself: ``--launcher pytorch`` outside torchrun."""
    return launcher == "pytorch" and "RANK" not in environment


def default_workers() -> int:
    """One worker a visible GPU, else one."""
    import torch

    return max(1, torch.cuda.device_count())


def restarted() -> bool:
    """Whether this rank belongs to a run that was restarted after a failure, by us or by torchrun."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def run_workers(
    command: Sequence[str], *, workers: int, max_restarts: int = 0, traceback_file: Path | None = None
) -> int:
    """Run ``command`` as ``workers`` ranks and watch them to the end.

    SIGTERM and SIGUSR1 are passed on, so that the ranks write a checkpoint and end; Ctrl-C ends them. A rank that
    fails or is killed ends the others within `FAILURE_GRACE_S` seconds.

    Args:
        command: started once a rank, with torchrun's environment variables.
        workers: number of ranks, at least 1.
        max_restarts: how often all ranks are started again after a failure that is not the user's mistake.
        traceback_file: where the Python tracebacks of unexpected failures are saved.

    Returns:
        0, or `PREEMPTED` after a signal.

    Raises:
        LaunchError: a rank failed; the error names it and its reason.
        KeyboardInterrupt: after Ctrl-C, when all ranks have ended.
    """
    if workers < 1:
        raise LaunchError(f"{workers} workers make no run.", next_step="Give --nproc-per-node 1 or more.")
    group = _WorkerGroup(command, workers)
    with group.signals_noticed(), tempfile.TemporaryDirectory(prefix="zoo-launch-") as folder:
        for attempt in range(max_restarts + 1):
            failures = group.run(attempt, Path(folder) / str(attempt))
            if group.received == signal.SIGINT:
                raise KeyboardInterrupt
            if not failures and group.overdue:
                raise LaunchError(
                    f"Rank {group.overdue[0]} of {workers} did not stop in time and was killed.",
                    next_step="Continue from the newest checkpoint with --resume auto.",
                )
            if not failures:
                return PREEMPTED if group.preempted else 0
            cause = min(failures, key=lambda failure: (not failure.killed, failure.at))
            if cause.code == USER_ERROR or attempt == max_restarts or group.received is not None:
                break
            logging.getLogger("zoo").warning(
                "Rank %d of %d %s\nStarting all ranks again from the newest checkpoint (restart %d of %d).",
                cause.rank,
                workers,
                cause.describe(),
                attempt + 1,
                max_restarts,
            )
    raise _error_of(cause, failures, workers, traceback_file)


def run_rank(body: Callable[[], int]) -> int:
    """Run ``body`` as one rank of a launched run: end with the supervisor, and leave the reason of a failure to it.

    Under torchrun, Slurm or MPI, which have no such supervisor, errors are raised: a mistake in the config, which all
    ranks find, by rank 0 alone; any other of the user's with the rank in it. torchrun's error file is written too.
    """
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    supervisor = os.environ.get(_SUPERVISOR)
    if supervisor is not None:
        _end_with(int(supervisor))
    handler = get_error_handler()
    handler.initialize()
    try:
        return body()
    except KeyboardInterrupt:
        if supervisor is None:
            raise
        return INTERRUPTED
    except Exception as error:
        handler.record_exception(error)
        code = USER_ERROR if isinstance(error, ZooError) else FAILED
        rank = _rank()
        if supervisor is not None or (rank != "0" and isinstance(error, ConfigError)):
            return code
        if code == FAILED or isinstance(error, ConfigError | LaunchError):
            raise
        raise LaunchError(f"Rank {rank} failed: {type(error).__name__}: {error}") from error


class _WorkerGroup:
    """The processes of one attempt after the other.

    ``received`` is the signal that stops the run, if one came; ``preempted`` tells that ranks obeyed it, and
    ``overdue`` which did not end by themselves.
    """

    def __init__(self, command: Sequence[str], workers: int):
        self.received: signal.Signals | None = None
        self.preempted = False
        self.overdue: list[int] = []
        self._command = list(command)
        self._workers = workers
        self._processes: list[subprocess.Popen] = []
        self._unsent: list[signal.Signals] = []
        self._deadline = float("inf")

    def run(self, attempt: int, folder: Path) -> list[Failure]:
        """Start all ranks and wait until all have ended; returns those that failed."""
        folder.mkdir()
        self._deadline = float("inf")
        port = _free_port()
        errors = [folder / f"rank{rank}.json" for rank in range(self._workers)]
        self._processes = []
        try:
            for rank in range(self._workers):
                environment = self._environment(rank, attempt, port, errors[rank])
                # A session of its own: the terminal's Ctrl-C reaches the ranks through us alone.
                self._processes.append(subprocess.Popen(self._command, env=environment, start_new_session=True))
            ended = self._wait()
        finally:
            self._kill()
        self.overdue = [rank for rank in range(self._workers) if rank not in ended]
        codes = {rank: self._processes[rank].returncode for rank in ended}
        stopped = {PREEMPTED}
        if self.received is not None:  # a rank that is still starting dies of the signal itself
            stopped.add(-_FORWARDED[self.received][0])
        self.preempted = bool(stopped & set(codes.values()))
        return [
            _failure(rank, self._processes[rank], errors[rank], ended[rank])
            for rank, code in codes.items()
            if code != 0 and code not in stopped
        ]

    @contextmanager
    def signals_noticed(self) -> Iterator[None]:
        """Take the signals that stop a run, for the ranks. Only a main thread can; in another they stay as they are."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in _FORWARDED:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                    before[number] = signal.signal(number, self._notice)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        self._unsent.append(signal.Signals(number))

    def _wait(self) -> dict[int, float]:
        """Wait for all ranks, at most until the deadline; which ended by themselves, and when (Unix seconds)."""
        ended: dict[int, float] = {}
        while len(ended) < self._workers and time.monotonic() < self._deadline:
            while self._unsent:
                self._pass_on(self._unsent.pop(0))
            for rank, process in enumerate(self._processes):
                if rank not in ended and process.poll() is not None:
                    ended[rank] = time.time()
                    if process.returncode != 0:
                        self._end_within(PREEMPTION_GRACE_S if process.returncode == PREEMPTED else FAILURE_GRACE_S)
            time.sleep(_POLL_S)
        return ended

    def _pass_on(self, number: signal.Signals) -> None:
        sent, grace_s = _FORWARDED[number]
        impatient = number == self.received == signal.SIGINT
        self.received = number
        self._end_within(0.0 if impatient else grace_s)
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(sent)

    def _end_within(self, seconds: float) -> None:
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def _kill(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _environment(self, rank: int, attempt: int, port: int, error_file: Path) -> dict[str, str]:
        threads = max(1, len(os.sched_getaffinity(0)) // self._workers) if hasattr(os, "sched_getaffinity") else 1
        return {
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(self._workers),
            "LOCAL_WORLD_SIZE": str(self._workers),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_RESTART_COUNT": str(attempt),
            "TORCHELASTIC_ERROR_FILE": str(error_file),
            _SUPERVISOR: str(os.getpid()),
        }


def _failure(rank: int, process: subprocess.Popen, error_file: Path, ended: float) -> Failure:
    reason = traceback = None
    try:
        message = json.loads(error_file.read_text(encoding="utf-8"))["message"]
        reason, traceback = message["message"], message["extraInfo"]["py_callstack"]
        ended = error_file.stat().st_mtime
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # it was killed, or ended before it could write
    return Failure(rank, process.pid, process.returncode, reason, traceback, ended)


def _error_of(cause: Failure, failures: list[Failure], workers: int, traceback_file: Path | None) -> LaunchError:
    where = None
    unexpected = [failure for failure in failures if failure.traceback and failure.code != USER_ERROR]
    if cause in unexpected and traceback_file is not None:
        text = "\n".join(f"rank {failure.rank} (process {failure.pid})\n{failure.traceback}" for failure in unexpected)
        try:
            with atomic_write(traceback_file, "w") as file:
                file.write(text)
            where = traceback_file
        except WorkDirError:  # the failure may be the full disk itself
            logging.getLogger("zoo").error(text)
    step = "Mend the cause, then continue with --resume auto." if cause.code != USER_ERROR else None
    if cause.code == -signal.SIGKILL:
        step = "Often the system ran out of memory (see dmesg). Continue with --resume auto; --max-restarts N does so."
    return LaunchError(f"Rank {cause.rank} of {workers} {cause.describe()}", where=where, next_step=step)


def _end_with(supervisor: int) -> None:
    """Let the kernel send this process SIGTERM when its supervisor dies, whatever it dies of."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != supervisor:
        raise SystemExit(FAILED)


def _rank() -> str:
    names = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
    return next((os.environ[name] for name in names if name in os.environ), "0")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
