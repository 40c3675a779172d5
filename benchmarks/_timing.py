"""CPU seconds of ways to do one thing, measured in turns, so that a drift of the machine's speed meets all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def cpu_seconds(trial: Callable[[], object]) -> float:
    """CPU seconds of this process during one call."""
    start = time.process_time()
    trial()
    return time.process_time() - start


def medians(trials: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Median CPU seconds of each trial over ``turns``, after one call of each that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in trials}
    for trial in trials.values():
        trial()
    for _ in range(turns):
        for name, trial in trials.items():
            taken[name].append(cpu_seconds(trial))
    return {name: median(values) for name, values in taken.items()}
