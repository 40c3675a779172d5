"""The target's own face with somebody else's mouth movement."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from zoo.datasets.replica.manipulations.blending import face_region, feather, laid_over, mouth_region, visible
from zoo.datasets.replica.manipulations.swap import through_small
from zoo.datasets.replica.shot import Actor, Edit, Shot

_REACH = 2.3  # half mouth widths: as far as the jaw moves the cheeks
_SHADING = 14.0  # canvas pixels: what is smoother than this is light, not texture


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceReenactment:
    """Renders the target's face anew, from brows to chin, with the donor's motion, as a fitted face model does.

    The model stores a face in ``detail`` rows of texture, and explains its light by a few smooth terms: it keeps
    ``1 - flattening`` of the shading. What it renders lies over the picture with a narrow edge.
    """

    detail: int = 44
    flattening: float = 0.5

    def on(self, shot: Shot, donor: Actor) -> Edit:
        person = shot.person
        region = face_region(softness=4.0)
        layers = person.actor.head.layers(donor.motion, person.actor.pose, view=person.view)
        sigma = _SHADING * person.view.scale

        def render(face: np.ndarray, there: np.ndarray, weight: np.ndarray) -> np.ndarray:
            face = through_small(face, rows=self.detail, scale=person.view.scale)
            return flatten_light(face, weight, sigma=sigma, share=self.flattening)

        return laid_over(person, layers, region, render=render, blend=feather)


def flatten_light(pixels: np.ndarray, weight: np.ndarray, *, sigma: float, share: float) -> np.ndarray:
    """``pixels`` (uint8 [h, w, 3] RGB) with ``share`` of their shading gone, which is what a blur of ``sigma`` pixels
    leaves of their brightness where ``weight`` [h, w] is; the mean brightness there stays."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) + 1.0
    near = cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-3
    shading = (cv2.GaussianBlur(grey * weight, (0, 0), sigma) + 1e-3 * grey.mean()) / near
    mean = float((grey * weight).sum() / max(weight.sum(), 1e-3))
    gain = np.clip((mean / np.maximum(shading, 1.0)) ** share, 0.5, 2.0)
    return np.clip(pixels * gain[..., None], 0, 255).astype(np.uint8)
