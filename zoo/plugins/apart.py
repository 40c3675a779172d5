"""Foreign code run apart from the host: in a thread of its own, for so long and no longer, whatever it raises."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

from zoo.errors import ConfigError, PluginError

LOAD_VARIABLE: Final = "ZOO_PLUGIN_TIMEOUT_S"
LOAD_TIMEOUT_S: Final = 10.0
"""Seconds that a plugin has to be imported and to say what it brings, unless `LOAD_VARIABLE` says otherwise."""

SECTION_VARIABLE: Final = "ZOO_SECTION_TIMEOUT_S"
SECTION_TIMEOUT_S: Final = 120.0
"""Seconds that a plugin has to write its sections of a report, unless `SECTION_VARIABLE` says otherwise."""


def time_limit(variable: str, default: float) -> float | None:
    """The seconds that the environment variable gives, or the default; None, for no limit, if they are 0.

    Raises:
        ConfigError: it is no number of seconds.
    """
    text = os.environ.get(variable, "").strip()
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ConfigError(f"{variable} is {text!r}, not a number of seconds.", next_step="Give 0 for no limit.")
    return seconds or None


def call_apart(
    work: Callable[[], Any], *, limit_s: float | None, name: str, variable: str
) -> tuple[Any, BaseException | None]:
    """What ``work()`` returns and None, or None and what it raised, `SystemExit` and `KeyboardInterrupt` among it.

    What ``work`` prints goes to standard error, so that a chatty plugin spoils no output that programs read. An
    interrupt by the user is raised here and is not taken for a fault of ``work``.

    Args:
        limit_s: seconds until ``work`` is given up: it stays behind in its thread, which ends with the process, because
            a thread cannot be ended without harm to what it is importing. The error's traceback is the place where it
            hangs. None calls it in this thread, without a limit, as a debugger wants it.
        name: who it is, for the error.
        variable: the environment variable that sets the limit, for the error.
    """
    with redirect_stdout(sys.stderr):
        if limit_s is None:
            try:
                return work(), None
            except (Exception, SystemExit) as error:
                return None, error
        return _in_a_thread(work, limit_s, name, variable)


def _in_a_thread(work: Callable[[], Any], limit_s: float, name: str, variable: str) -> tuple[Any, BaseException | None]:
    outcome: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, name=f"zoo-{name}", daemon=True)
    thread.start()
    thread.join(limit_s)
    if outcome:
        return outcome[0]
    trace, place = _whereabouts(sys._current_frames().get(thread.ident or 0))
    error = PluginError(
        f"{name} has not answered within {limit_s:g} s{place}.",
        next_step=f"If it is only slow, give it more: {variable}={6 * limit_s:g}",
    )
    return None, error.with_traceback(trace)


def _whereabouts(frame: FrameType | None) -> tuple[TracebackType | None, str]:
    """The stack that ends in ``frame`` as a traceback, from below this module on, and its innermost place in words."""
    trace = None
    place = ""
    while frame is not None and frame.f_code.co_filename != __file__:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen importlib"):
            trace = TracebackType(trace, frame, frame.f_lasti, frame.f_lineno or 0)
            place = place or f"; it hangs in {Path(file).name}, line {frame.f_lineno}"
        frame = frame.f_back
    return trace, place
