"""The lower face without its fine texture, as a neural renderer leaves it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from zoo.datasets.replica.manipulations.blending import bounds, feather, mouth_region
from zoo.datasets.replica.shot import Actor, Edit, Manipulation, Shot

_REACH = 1.8  # half mouth widths


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureSmoothing:
    """Smooths the skin around the mouth but keeps its edges (a bilateral filter), after another manipulation.

    ``sigma`` is the reach of the filter in canvas pixels, ``contrast`` the difference in grey levels that it takes for
    an edge; ``after`` is what is done before, None for nothing.
    """

    sigma: float = 2.5
    contrast: float = 45.0
    after: Manipulation | None = None

    def on(self, shot: Shot, donor: Actor) -> Edit:
        person = shot.person
        region = mouth_region(person.actor.head.face, reach=_REACH, softness=7.0)
        before = None if self.after is None else self.after.on(shot, donor)
        sigma = self.sigma * person.view.scale

        def edit(seen: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
            changed = np.zeros(seen.shape[:2], bool)
            if before is not None:
                seen, changed = before(seen, t)
            weight = person.view.place(region, person.actor.pose[t])
            box = bounds(weight)
            if box is None:
                return seen, changed
            there = np.ascontiguousarray(seen[box])
            smooth = cv2.bilateralFilter(there, 2 * int(np.ceil(1.5 * sigma)) + 1, self.contrast, sigma)
            result, mask = seen.copy(), np.zeros_like(changed)
            result[box], mask[box] = feather(smooth, there, np.ascontiguousarray(weight[box]))
            return result, changed | mask

        return edit
