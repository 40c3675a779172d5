"""Equal shares for corpora, labels or methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.datasets.cells import AXES, Cells
from zoo.datasets.mixers.base import Mixer
from zoo.errors import ConfigError, DataError, did_you_mean


class BalancedMixer(Mixer):
    """Gives the values of each axis equal shares, one axis within the other; below the last, sizes decide.

    With ``("corpus", "label")`` all corpora are drawn equally often, and in each corpus real and fake ones, and of the
    fake ones of a corpus all samples. A corpus that has no real samples still gets its whole share, in fakes.

    Args:
        by: one or more of ``corpus``, ``label`` and ``method``, the outermost first.

    Raises:
        ConfigError: there is no such axis, none at all, or one twice.
    """

    def __init__(self, *, by: Sequence[str] = ("corpus", "label")):
        by = (by,) if isinstance(by, str) else tuple(by)
        if wrong := [axis for axis in by if axis not in AXES]:
            raise ConfigError(
                f"Samples have no {wrong[0]!r} to be balanced by.{did_you_mean(str(wrong[0]), AXES)}",
                where="BalancedMixer.by",
                next_step=f"Name some of: {', '.join(AXES)}",
            )
        if not by or len(set(by)) < len(by):
            raise ConfigError(f"by must name one or more different axes, not {by}.", where="BalancedMixer")
        self.by = by

    def shares(self, cells: Cells) -> np.ndarray:
        """See `Mixer.shares`.

        Raises:
            DataError: labels are to be balanced, and there is only one.
        """
        if "label" in self.by and len(labels := {name.label for name in cells.names}) < 2:
            raise DataError(
                f"Classes cannot be balanced: all samples are {labels.pop()}.",
                where="BalancedMixer",
                next_step="Add samples of the other class, check corpora, methods and the split, or balance by corpus.",
            )
        shares = np.ones(len(cells))
        group = np.zeros(len(cells), np.int64)
        for axis in self.by:
            names, values = np.unique([getattr(name, axis) for name in cells.names], return_inverse=True)
            parts, inner = np.unique(group * len(names) + values, return_inverse=True)
            shares /= np.bincount(parts // len(names))[group]
            group = inner
        totals = np.bincount(group, cells.sizes)
        return shares * cells.sizes / totals[group]
