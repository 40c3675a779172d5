"""Tasks on the nodes of a Ray cluster, each in a disposable process, as `zoo.jobs.executors.ProcessExecutor` does here.

Ray decides on which node a task runs and tells when a node is lost; time, memory and crashes are judged on the node by
the same worker processes that run locally, so a task ends with the same status wherever it ran. Nothing is shipped but
the name of the function and the payloads: every node has `zoo`, and what else the function needs, installed.
"""

from __future__ import annotations

import logging
import operator
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from zoo.errors import LaunchError, MissingDependency
from zoo.jobs.executors import outcome_of
from zoo.jobs.task import Outcome, Task
from zoo.jobs.worker import Orders
from zoo.jobs.worker_process import MOST_FALSE_STARTS, WorkerProcess, never_ready

_LOGGER: Final = logging.getLogger(__name__)
_COUNT_CPUS_EVERY_S: Final = 10.0
_EMPTY_LIMIT_S: Final = 300.0
"""How long to wait for nodes once the cluster has none left that can run a task."""
_QUEUED_PER_CPU: Final = 2
_ANSWER_LIMIT_S: Final = 10.0
_resident: WorkerProcess | None = None  # of this process, where this is a Ray worker


class RayExecutor:
    """Runs tasks on an existing Ray cluster (``ray start --head``, then ``ray start --address=HEAD`` on other nodes).

    Args:
        address: of the cluster: ``auto`` for the one this machine belongs to, ``host:port``, or ``ray://host:port``.
        tasks_in_flight: how many tasks are with the cluster at a time; None for twice what its CPUs can run, counted
            again as nodes come and go.
        timeout_s: wall-clock seconds for one task, once it has begun.
        memory_bytes: what a worker may allocate beyond what it holds once the function is loaded.
        cpus_per_task: CPUs that are set aside for a task, which computes with a single thread all the same.
        retries: how often a task begins anew because its node or its Ray worker was lost; then it is a ``crash``.

    Raises:
        MissingDependency: Ray is not installed.
    """

    def __init__(
        self,
        *,
        address: str = "auto",
        tasks_in_flight: int | None = None,
        timeout_s: float = 600.0,
        memory_bytes: int | None = None,
        cpus_per_task: float = 1,
        retries: int = 1,
    ):
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise MissingDependency.extra("ray", "ray") from error
        self.address = address
        self.tasks_in_flight = tasks_in_flight
        self.timeout_s = timeout_s
        self.memory_bytes = memory_bytes
        self.cpus_per_task = cpus_per_task
        self.retries = retries

    def run(self, function: Callable[[Any], Any] | str, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """See `zoo.jobs.task.Executor`.

        Raises:
            LaunchError: there is no cluster at the address, it has no node for these tasks, or workers cannot load
                ``function``.
        """
        if not operator.length_hint(tasks, 1):
            return
        with self._connection() as ray:
            perform = ray.remote(num_cpus=self.cpus_per_task, max_retries=0)(_perform)
            orders = ray.put(Orders(pickle.dumps(function), self.timeout_s, self.memory_bytes))
            capacity = _Capacity(self.cpus_per_task, where=self.address)
            waiting = iter(tasks)
            flying: dict[Any, tuple[Task, int]] = {}  # by reference: the task, and how often it was lost
            more = True
            try:
                while more or flying:
                    most = self.tasks_in_flight or max(1, _QUEUED_PER_CPU * capacity.tasks())
                    while more and len(flying) < most:
                        task = next(waiting, None)
                        if task is None:
                            more = False
                        else:
                            flying[perform.remote(orders, task)] = task, 0
                    if not flying:
                        break
                    ended, _ = ray.wait(list(flying), timeout=_COUNT_CPUS_EVERY_S)
                    if not ended:
                        capacity.require()
                    for reference in ended:
                        task, lost = flying.pop(reference)
                        reply = _reply(ray, reference, function)
                        if reply[0] == "lost" and lost < self.retries:
                            _LOGGER.warning("%s begins anew: %s", task.key, reply[2])
                            flying[perform.remote(orders, task)] = task, lost + 1
                            continue
                        if reply[0] == "lost":
                            reply = "failed", reply[1], f"Lost {lost + 1} times: {reply[2]}", ""
                        yield outcome_of(task, reply)
            finally:
                for reference in flying:
                    with suppress(Exception):  # what ended meanwhile, or a cluster that is gone
                        ray.cancel(reference, force=True)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """The module ``ray``, connected; a connection that was not there before is closed at the end."""
        import ray

        if ray.is_initialized():
            yield ray
            return
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            try:
                _check_that_someone_listens(self.address)
                ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
            except (OSError, RuntimeError, ValueError) as error:
                raise LaunchError(
                    f"There is no Ray cluster to connect to: {(str(error).splitlines() or [type(error).__name__])[0]}",
                    where=f"address {self.address}",
                    next_step="Start one with `ray start --head`, and run on a machine that belongs to it; "
                    "or use the executor 'process'.",
                ) from error
            yield ray
        finally:
            ray.shutdown()
            if on_sigterm is not None and threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_sigterm)  # connecting replaces it


def _check_that_someone_listens(address: str) -> None:
    """Raise OSError if nobody answers at the address that Ray would connect to: Ray itself tries for many minutes."""
    known = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if address == "auto" and not known:
        with suppress(OSError):  # where `ray start` leaves the address of the cluster that this machine belongs to
            known = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster").read_text().strip()
    host, _, port = known.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_LIMIT_S).close()


class _Capacity:
    """How many tasks the nodes that are alive can run at once, counted anew every few seconds."""

    def __init__(self, cpus_per_task: float, *, where: str):
        self.cpus_per_task = cpus_per_task
        self.where = where
        self._counted_at = self._seen_at = time.monotonic()
        self._tasks = self._count()
        if not self._tasks:
            raise self._none()

    def tasks(self) -> int:
        """The number, at most `_COUNT_CPUS_EVERY_S` old."""
        now = time.monotonic()
        if now - self._counted_at > _COUNT_CPUS_EVERY_S:
            self._counted_at, self._tasks = now, self._count()
        if self._tasks:
            self._seen_at = now
        return self._tasks

    def require(self) -> None:
        """Raise LaunchError if no node has been able to run a task for `_EMPTY_LIMIT_S`."""
        if not self.tasks() and time.monotonic() - self._seen_at > _EMPTY_LIMIT_S:
            raise self._none()

    def _count(self) -> int:
        import ray

        cpus = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
        return sum(int(count // self.cpus_per_task) for count in cpus)

    def _none(self) -> LaunchError:
        return LaunchError(
            f"No node of the cluster has the {self.cpus_per_task:g} CPUs that a task asks for.",
            where=f"address {self.where}",
            next_step="Add nodes (`ray start --address=HEAD`), or ask for fewer CPUs a task.",
        )


def _perform(orders: Orders, task: Task) -> tuple:
    """Runs on a node: the reply of the process that this Ray worker keeps for ``orders``, started if need be."""
    try:
        worker = _ready_worker(orders)
    except LaunchError as error:
        return "launch", error.what, error.next_step
    worker.begin(task)
    reply = worker.hear(None) if worker.wait() else worker.overrun()
    if worker.gone:
        _dismiss()
    return reply


def _ready_worker(orders: Orders) -> WorkerProcess:
    global _resident
    for _ in range(MOST_FALSE_STARTS):
        if _resident is not None and _resident.orders == orders and _resident.process.poll() is None:
            return _resident
        _dismiss()
        _resident = WorkerProcess(orders)
        if _resident.wait():
            try:
                _resident.hear(None)
            except LaunchError:
                _dismiss()
                raise
    _dismiss()
    raise never_ready(MOST_FALSE_STARTS, None)


def _dismiss() -> None:
    global _resident
    if _resident is not None and not _resident.gone:
        _resident.kill()
    _resident = None


def _reply(ray: Any, reference: Any, function: object) -> tuple:
    """What `_perform` returned, or ``("lost", status, reason)`` when Ray lost what ran it."""
    try:
        reply = ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # nothing of ours: the node cannot even begin
        raise LaunchError(
            f"A node cannot run tasks of zoo: {error.cause if error.cause is not None else error}",
            where=function,
            next_step="Install the same version of zoo on every node of the cluster.",
        ) from error
    except ray.exceptions.OutOfMemoryError:
        return "lost", "memory", "Ray ended the worker because its node was short of memory."
    except (
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.NodeDiedError,
        ray.exceptions.LocalRayletDiedError,
        ray.exceptions.ObjectLostError,
    ) as error:
        return "lost", "crash", f"the node or the Ray worker ended ({type(error).__name__})."
    if reply[0] == "launch":
        raise LaunchError(reply[1], where=function, next_step=reply[2])
    return reply
