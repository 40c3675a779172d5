"""The first seconds of a long run, over files from everywhere in it, tell how long all of it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

Item = TypeVar("Item")
LEAST_FILES: Final = 8
LEAST_S: Final = 4.0
MOST_S: Final = 60.0
_SPREAD: Final = 64


def spread_first(items: Sequence[Item]) -> list[Item]:
    """All ``items``, 64 of them from everywhere first, so that a trial is not a trial of the first folder alone."""
    first = [number * len(items) // _SPREAD for number in range(_SPREAD)] if len(items) > _SPREAD else []
    chosen = set(first)
    return [items[place] for place in first] + [item for place, item in enumerate(items) if place not in chosen]


class Trial:
    """Measures from the first file that was cut, so that the start of processes and networks does not count, until 8
    files are scored and 4 seconds are over, or a minute.

    Args:
        total: files to score.
        clock: seconds.
    """

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic):
        self.total = total
        self.clock = clock
        self.begun: float | None = None
        self.ended = False
        self._scored = 0

    def cut(self) -> None:
        """A file's crops have come."""
        if self.begun is None:
            self.begun = self.clock()

    def scored(self) -> str | None:
        """A file is finished; returns the estimate once there is one, in words."""
        self._scored += 1
        if self.ended or self.begun is None or self._scored == self.total:
            return None
        seconds = self.clock() - self.begun
        if seconds < LEAST_S or (self._scored < LEAST_FILES and seconds < MOST_S):
            return None
        self.ended = True
        rate = self._scored / seconds
        return (
            f"trial: {self._scored} files in {seconds:.1f} s; "
            f"{self.total:,} files in {in_words(self.total / rate)} ({rate:.2g} files/s)"
        )


def in_words(seconds: float) -> str:
    """A duration: ``2.5 h``, ``12 min`` or ``40 s``."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
