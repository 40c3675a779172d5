"""What a combiner is: members' scores of videos to one score each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_scores
from zoo.errors import ConfigError, DataError


class Combiner(ABC):
    """Base class. A combiner can be made without arguments, and its state is plain JSON.

    Attributes:
        learns: whether `fit` learns anything of the scores it is given; a subclass for which it does has `learn`.
        columns: the number of members that it is made for, None before `fit` or where it does not matter.
    """

    learns: bool = False
    columns: int | None = None

    def fit(self, scores: ArrayLike, labels: ArrayLike, *, groups: ArrayLike | None = None) -> None:
        """Learn from videos with known labels; nothing happens where ``learns`` is False.

        Args:
            scores: [n, m] in [0, 1], NaN where a member has no score; rows without any are left out.
            labels: [n], 0 = real, 1 = fake.
            groups: [n], for example whose face is seen: folds do not divide a group.

        Raises:
            DataError: too few videos, one class only, or a member without any score.
        """
        checked = checked_scores(scores)
        if not self.learns:
            return
        some = ~np.isnan(checked).all(axis=1)
        truth = np.asarray(labels)
        truth = checked_labels(truth[some] if truth.shape == some.shape else truth, int(some.sum()))
        silent = np.flatnonzero(np.isnan(checked).all(axis=0))
        if len(silent):
            raise DataError(
                f"Member {silent[0] + 1} of {checked.shape[1]} has no score for any video to fit to.",
                next_step="Give its scores of these videos, or leave it out of the ensemble.",
            )
        self.learn(checked[some], truth, None if groups is None else np.asarray(groups)[some])
        self.columns = checked.shape[1]

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Combine.

        Args:
            scores: [n, m] in [0, 1], NaN where a member has no score.

        Returns:
            [n] in [0, 1]; NaN only where no member has a score.

        Raises:
            DataError: not fitted, made for another number of members, or scores outside [0, 1].
        """
        if self.learns and self.columns is None:
            raise DataError(f"{type(self).__name__} is not fitted.", next_step="Fit it to validation data first.")
        checked = checked_scores(scores, members=self.columns)
        some = ~np.isnan(checked).all(axis=1)
        combined = np.full(len(checked), np.nan)
        combined[some] = np.clip(self.combine(checked if some.all() else checked[some]), 0.0, 1.0)
        return combined

    @abstractmethod
    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Combine [n, m] checked scores, at least one in each row, to [n]."""

    def learn(self, scores: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray | None) -> None:
        """Fit to checked scores [n, m], at least one in each row and in each column, and labels [n] of both classes."""
        raise ConfigError(f"{type(self).__name__} says that it learns, and has no method 'learn'.")

    def state(self) -> dict[str, Any]:
        """All that `load_state` needs, arguments too, as plain values that JSON holds."""
        return {"columns": self.columns}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken of."""
        self.columns = state["columns"]
