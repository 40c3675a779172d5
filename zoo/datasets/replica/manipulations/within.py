"""A manipulation that is there in some frames only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.datasets.replica.shot import Actor, Edit, Manipulation, Shot


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """``manipulation`` in the frames of ``stretches`` (first, one past the last); all others stay as they are."""

    manipulation: Manipulation
    stretches: Sequence[tuple[int, int]]

    def on(self, shot: Shot, donor: Actor) -> Edit:
        inner = self.manipulation.on(shot, donor)

        def edit(seen: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
            result, mask = inner(seen, t)
            if any(begin <= t < end for begin, end in self.stretches):
                return result, mask
            return seen, np.zeros_like(mask)

        return edit
