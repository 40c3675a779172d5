"""What combiners and calibrators demand of scores and labels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import DataError

LEAST_A_CLASS: Final = 5
"""Reals, and fakes, that anything is fitted to at the least."""


def checked_scores(scores: ArrayLike, *, members: int | None = None) -> NDArray[np.float64]:
    """``scores`` as float64 [n, m], each in [0, 1] or NaN.

    Args:
        members: the number of columns that there must be.

    Raises:
        DataError: another shape, or a score outside [0, 1].
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not values.shape[1]:
        raise DataError(f"Members' scores are an array [videos, members], not {list(values.shape)}.")
    if members is not None and values.shape[1] != members:
        raise DataError(f"Fitted to {members} members, asked for {values.shape[1]}.")
    low, high = np.nanmin(values, initial=0.0), np.nanmax(values, initial=1.0)
    if low < 0 or high > 1:
        raise DataError(
            f"A member's score is {low if low < 0 else high}, not in [0, 1].", next_step="Pass sigmoid(fake_logit)."
        )
    return values


def checked_labels(labels: ArrayLike, count: int, *, least: int = LEAST_A_CLASS) -> NDArray[np.int64]:
    """``labels`` as int64 [count], with at least ``least`` videos of each class.

    Raises:
        DataError: another length, a label that is neither 0 nor 1, or too few videos of a class.
    """
    truth = np.asarray(labels)
    if truth.shape != (count,):
        raise DataError(f"There are {count} videos with scores and labels of shape {list(truth.shape)}.")
    if not np.all((truth == 0) | (truth == 1)):
        raise DataError("A label to fit to is neither 0 (real) nor 1 (fake).")
    fakes = int(np.sum(truth == 1))
    reals = count - fakes
    if not reals or not fakes:
        raise DataError(
            f"Cannot fit to one class: {reals} real and {fakes} fake videos.",
            next_step="Fit to videos of both classes, with labels.",
        )
    if min(reals, fakes) < least:
        raise DataError(
            f"Too few videos to fit to: {reals} real and {fakes} fake; {least} of each are the least.",
            next_step="Fit to more videos.",
        )
    return truth.astype(np.int64)
