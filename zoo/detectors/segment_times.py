"""Between seconds and places along a clip: frame numbers with fractions, by the times of the clip's own frames.

Frames need not be evenly spaced: between two frames both scales go in a straight line, and beyond the first and the
last one with the step of the nearest two.

Notation: t frames, n places.
"""

from __future__ import annotations

import numpy as np

from zoo.errors import DataError


def places_of(seconds: np.ndarray, frame_times: np.ndarray) -> np.ndarray:
    """The places of ``seconds`` [...] along frames at ``frame_times`` [t]; of the same shape, float64.

    Raises:
        DataError: times that fall.
    """
    times, numbers = _knots(frame_times)
    return np.interp(np.asarray(seconds, np.float64), times, numbers)


def seconds_of(places: np.ndarray, frame_times: np.ndarray) -> np.ndarray:
    """The seconds at ``places`` [...] along frames at ``frame_times`` [t]; of the same shape, float64.

    Raises:
        DataError: times that fall.
    """
    times, numbers = _knots(frame_times)
    return np.interp(np.asarray(places, np.float64), numbers, times)


def _knots(frame_times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The times and numbers of all frames and of one far before and one far after them."""
    times = np.asarray(frame_times, np.float64)
    steps = np.diff(times)
    if times.ndim != 1 or not len(times) or not np.isfinite(times).all() or (steps < 0).any():
        raise DataError(
            "The times of a clip's frames fall, so that its segments have no place.",
            where="frame_times",
            next_step="Extract the features again; times are seconds, one a frame.",
        )
    first, last = (max(step, 1e-3) for step in (steps[[0, -1]] if len(steps) else (1.0, 1.0)))
    far = 1e6
    times = np.concatenate(([times[0] - far * first], times, [times[-1] + far * last]))
    return times, np.concatenate(([-far], np.arange(len(times) - 2), [len(times) - 3 + far]))
