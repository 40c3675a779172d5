"""The target's own face with somebody else's mouth movement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.datasets.replica.manipulations.blending import feather, mouth_region, visible
from zoo.datasets.replica.shot import Actor, Edit, Shot

_REACH = 2.3  # half mouth widths: as far as the jaw moves the cheeks


@dataclass(frozen=True, slots=True, kw_only=True)
class MouthReenactment:
    """Animates the target's face with the donor's motion and keeps of it the lower face."""

    def on(self, shot: Shot, donor: Actor) -> Edit:
        person = shot.person
        head = person.actor.head
        region = mouth_region(head.face, reach=_REACH, softness=8.0)
        layers = head.layers(donor.motion, person.actor.pose, view=person.view)

        def edit(seen: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
            layer = next(layers)
            weight = person.view.place(region, person.actor.pose[t]) * visible(layer)
            return feather(np.ascontiguousarray(layer[..., :3]), seen, weight)

        return edit
