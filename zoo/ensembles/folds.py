"""Parts of videos that are alike in their classes, none of which shares a group with another."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import DataError

MOST_FOLDS: Final = 5


def fold_of(
    labels: NDArray[np.int64], *, groups: ArrayLike | None = None, folds: int = MOST_FOLDS
) -> NDArray[np.int64]:
    """Int64 [n]: the fold of each video, from 0; each class is spread evenly over folds. Always the same for the same.

    Args:
        labels: [n], 0 or 1.
        groups: [n] whose members stay together, or None.
        folds: as many as this, or as there are videos (groups) of the rarer class where these are fewer.

    Raises:
        DataError: there are not two folds to be made.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    names = np.arange(len(labels)) if groups is None else np.asarray(groups)
    if names.shape != labels.shape:
        raise DataError(f"There are {len(labels)} videos and groups of shape {list(names.shape)}.")
    reals, fakes = (len(np.unique(names[labels == label])) for label in (0, 1))
    count = min(folds, reals, fakes)
    if count < 2:
        what = "videos" if groups is None else "groups"
        raise DataError(
            f"Cross-validation needs two {what} of each class; there are {reals} and {fakes}.",
            next_step="Fit to more videos.",
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(count, shuffle=True, random_state=0)
    found = np.empty(len(labels), np.int64)
    for index, (_, part) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
        found[part] = index
    return found
