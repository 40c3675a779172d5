"""One piece of work, how it ended, and where it may run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: ``key`` names it for good, ``payload`` (picklable) is what the function is called with."""

    key: str
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task that did not end well.

    ``status`` is a word: ``timeout``, ``crash``, ``memory``, ``error``, or the ``status`` of the error itself
    (``empty_file``, ``no_audio``, ...). ``reason`` is what to tell the user, ``details`` a traceback if there is one.
    """

    key: str
    status: str
    reason: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended: its ``value``, or its ``failure``."""

    key: str
    value: Any = None
    failure: Failure | None = None


class Executor(Protocol):
    """Where tasks run."""

    def run(self, function: Callable[[Any], Any] | str, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """The outcomes of ``function(task.payload)``, one for each of ``tasks``, in any order."""
        ...
