"""How far a job is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def show_progress(
    label: str, *, stream: TextIO | None = None, every_s: float = 5.0
) -> Iterator[Callable[[int, int, int], None]]:
    """A callback ``(done, total, failed)`` that shows progress while the block runs.

    Args:
        label: what is being done, e.g. ``Extracting features``.
        stream: where to; standard output if None. A terminal gets a bar, anything else plain lines.
        every_s: seconds between two plain lines; the last one is always written.
    """
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        yield _Lines(label, stream, every_s)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[red]{task.fields[failed]}"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream)) as bar:
        row = bar.add_task(label, total=None, failed="", rate="")
        pace = _Pace()

        def update(done: int, total: int, failed: int) -> None:
            rate = pace.rate(done, failed)
            missed = f"{failed} failed" if failed else ""
            bar.update(row, completed=done + failed, total=total, failed=missed, rate=f"{rate:.1f}/s" if rate else "")

        yield update


class _Pace:
    """Tasks a second since the start; what was done before does not count."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.skipped: int | None = None

    def rate(self, done: int, failed: int) -> float:
        self.skipped = done if self.skipped is None else self.skipped
        return (done + failed - self.skipped) / max(time.monotonic() - self.begun, 1e-9)


class _Lines:
    def __init__(self, label: str, stream: TextIO, every_s: float):
        self.label, self.stream, self.every_s = label, stream, every_s
        self.last = time.monotonic()
        self.pace = _Pace()

    def __call__(self, done: int, total: int, failed: int) -> None:
        now = time.monotonic()
        rate = self.pace.rate(done, failed)
        ended = done + failed
        if ended < total and now - self.last < self.every_s:
            return
        self.last = now
        line = f"{self.label}: {ended}/{total}"
        if failed:
            line += f", {failed} failed"
        if rate > 0:
            line += f", {rate:.1f}/s, {(total - ended) / rate:.0f} s left" if ended < total else f", {rate:.1f}/s"
        self.stream.write(line + "\n")
        self.stream.flush()
