"""An iterator that runs ahead in a thread, so that making its items and using them go on at the same time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from typing import Final, TypeVar

Item = TypeVar("Item")
_END: Final = object()
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 2.0


def run_ahead(items: Generator[Item, None, None], *, most: int) -> Generator[Item, None, None]:
    """The same ``items``, up to ``most`` of them made before they are asked for.

    Closing it closes ``items``. What ``items`` raises is raised here.
    """
    ready: queue.Queue = queue.Queue(most)
    ended = threading.Event()

    def put(item: object) -> None:
        while not ended.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=_POLL_S)
                return

    def work() -> None:
        try:
            with closing(items):
                for item in items:
                    put((item, None))
                    if ended.is_set():
                        return
            put(_END)
        except BaseException as error:
            put((None, error))

    thread = threading.Thread(target=work, name="run-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            value, error = item
            if error is not None:
                raise error
            yield value
    finally:
        ended.set()
        thread.join(_PATIENCE_S)  # it may wait for a slow item; at its end it closes what it runs
