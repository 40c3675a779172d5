"""Another person's face in the target's picture, with the target's movement."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from zoo.datasets.replica.identity import FRAME
from zoo.datasets.replica.manipulations.blending import face_region, feather, laid_over, match_colour, poisson
from zoo.datasets.replica.shot import Actor, Edit, Shot


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySwap:
    """Draws the donor's face in the pose and with the lips of the target, matches its colours and blends it in.

    ``seam`` is ``poisson`` (gradients continue, the edge is sharp) or ``feather`` (a soft edge). ``detail`` is how many
    rows of pixels the face is stored in on its way, as by an autoencoder of that size; None keeps its sharpness.
    """

    seam: str = "poisson"
    detail: int | None = None

    def on(self, shot: Shot, donor: Actor) -> Edit:
        person = shot.person
        region = face_region(softness=1.0 if self.seam == "poisson" else 9.0)
        layers = donor.head.layers(person.actor.motion, person.actor.pose, view=person.view)
        blend = poisson if self.seam == "poisson" else feather

        def render(face: np.ndarray, there: np.ndarray, weight: np.ndarray) -> np.ndarray:
            if self.detail is not None:
                face = through_small(face, rows=self.detail, scale=person.view.scale)
            return match_colour(face, there, weight)

        return laid_over(person, layers, region, render=render, blend=blend)


def through_small(pixels: np.ndarray, *, rows: int, scale: float) -> np.ndarray:
    """``pixels`` after a bottleneck that stores the height of a face in ``rows`` pixels; ``scale`` is that of the
    view. A face as small as that already is left alone."""
    factor = rows / (scale * FRAME * 0.45)
    if factor >= 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
