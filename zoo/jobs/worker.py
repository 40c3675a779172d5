"""What runs inside a disposable worker process: one task at a time, under limits, until told to stop."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from zoo.errors import ZooError
from zoo.plugins.manager import load_target

GRACE_S: Final = 10.0
"""How long after the time limit the kernel ends a worker whose parent did not."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The first message to a worker. ``function`` is pickled on its own, so that a fault of it can be told apart."""

    function: bytes
    timeout_s: float
    memory_bytes: int | None


def main() -> None:
    """Entry of the process: ``argv`` holds the two file descriptors of its pipes."""
    receive, send = (int(argument) for argument in sys.argv[1:3])
    for descriptor in (receive, send):
        os.set_inheritable(descriptor, False)  # a grandchild that outlives us must not keep the pipes open
    inbox, outbox = Connection(receive, writable=False), Connection(send, readable=False)
    threading.Thread(target=_die_with_parent, args=(os.getppid(),), daemon=True).start()
    orders: Orders = inbox.recv()
    try:
        function = load_function(pickle.loads(orders.function))
    except Exception as error:
        outbox.send(("broken", f"{type(error).__name__}: {error}", traceback.format_exc()))
        return
    _limit_threads()
    if orders.memory_bytes is not None:
        limit_memory(orders.memory_bytes)
    outbox.send(("ready",))
    while (message := _receive(inbox)) is not None:
        signal.setitimer(signal.ITIMER_REAL, orders.timeout_s + GRACE_S)  # holds even if nobody watches us
        reply = attempt(function, message[0])
        try:
            encoded = pickle.dumps(reply)
        except Exception as error:
            encoded = pickle.dumps(("failed", "error", f"The result cannot be pickled: {error}", ""))
        signal.setitimer(signal.ITIMER_REAL, 0)
        outbox.send_bytes(encoded)
        if reply[:2] == ("failed", "memory"):
            return  # the heap is in no state to go on; a fresh worker takes over


def load_function(function: Callable[[Any], Any] | str) -> Callable[[Any], Any]:
    """The callable itself, or what ``package.module:name`` points at."""
    return load_target(function) if isinstance(function, str) else function  # type: ignore[return-value]


def attempt(function: Callable[[Any], Any], payload: Any) -> tuple:
    """``("done", value)`` or ``("failed", status, reason, traceback)``; only an interrupt passes through."""
    try:
        return "done", function(payload)
    except MemoryError as error:
        return "failed", "memory", f"Out of memory{f': {error}' if str(error) else ''}.", traceback.format_exc()
    except ZooError as error:
        return "failed", getattr(error, "status", "error"), str(error), ""
    except (Exception, SystemExit) as error:
        return "failed", "error", f"{type(error).__name__}: {error}", traceback.format_exc()


def limit_memory(extra_bytes: int) -> None:
    """Let this process allocate ``extra_bytes`` more than it has now; beyond that allocations fail.

    The limit is on private writable memory (RLIMIT_DATA), not on address space, of which shared libraries and
    thread stacks take gigabytes without using them. Only Linux counts and enforces it.
    """
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/status") as file:
        held = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:"))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + extra_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))


def _receive(inbox: Connection) -> tuple | None:
    try:
        return inbox.recv()
    except (EOFError, OSError):
        return None


def _limit_threads() -> None:
    """One thread for the libraries that ``function`` brought and that do not heed OMP_NUM_THREADS."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _die_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    main()
