"""How a new face gets into a picture: regions, colour matching and two ways to hide the seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from zoo.datasets.replica.identity import CANVAS, Face
from zoo.datasets.replica.shot import Edit, Standing

_FACE_CENTRE: Final = (144, 155)
_FACE_AXES: Final = (38, 50)
_BORDER: Final = 6  # pixels of surroundings that blending looks at
_VISIBLE: Final = 0.02  # a weight below this changes no pixel


def face_region(*, softness: float) -> np.ndarray:
    """Brows to chin on the canvas: float32 [CANVAS, CANVAS] in [0, 1], its edge ``softness`` canvas pixels wide."""
    return _ellipse(_FACE_CENTRE, _FACE_AXES, 0.0, softness)


def mouth_region(face: Face, *, reach: float, softness: float) -> np.ndarray:
    """Around the mouth down to the chin, ``reach`` half mouth widths to each side: float32 [CANVAS, CANVAS]."""
    left, right = face.mouth
    across = (right - left) / 2
    down = np.array([-across[1], across[0]])
    half_width = float(np.linalg.norm(across))
    centre = (left + right) / 2 + (0.32 * reach) * down
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    return _ellipse(centre, (reach * half_width, 0.78 * reach * half_width), angle, softness)


def visible(layer: np.ndarray) -> np.ndarray:
    """Where ``layer`` (uint8 [h, w, 4] RGBA) shows the person and not the wall of its photograph: float32 [h, w]."""
    return cv2.extractChannel(layer, 3) * np.float32(1 / 255)


def bounds(weight: np.ndarray, *, border: int = 0) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest box around what is visible of ``weight`` [h, w], and ``border`` pixels more to
    each side; None if nothing is."""
    seen = weight > _VISIBLE
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return None
    return (
        slice(max(rows[0] - border, 0), rows[-1] + 1 + border),
        slice(max(columns[0] - border, 0), columns[-1] + 1 + border),
    )


def laid_over(
    standing: Standing,
    layers: Iterator[np.ndarray],
    region: np.ndarray,
    *,
    render: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    blend: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> Edit:
    """An edit that lays the face of the next of ``layers`` over that of ``standing``, where ``region`` is.

    Args:
        standing: whose face is covered.
        layers: uint8 [h, w, 4] RGBA, one a frame.
        region: on the canvas, see `face_region`.
        render: the face (uint8 [h, w, 3]), what it will cover, and how much of each pixel (float32 [h, w]), to the
            face as it is laid over.
        blend: `feather` or `poisson`.
    """

    def edit(seen: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        layer = next(layers)
        weight = standing.view.place(region, standing.actor.pose[t]) * visible(layer)
        changed = np.zeros(weight.shape, bool)
        box = bounds(weight, border=_BORDER)
        if box is None:
            return seen, changed
        there = np.ascontiguousarray(seen[box])
        face = render(np.ascontiguousarray(layer[box][..., :3]), there, weight[box])
        result = seen.copy()
        result[box], changed[box] = blend(face, there, np.ascontiguousarray(weight[box]))
        return result, changed

    return edit


def match_colour(pixels: np.ndarray, reference: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``pixels`` with the mean and deviation that ``reference`` has in Lab (Reinhard et al., 2001), where ``weight`` is
    above one half. All [h, w, ...]; uint8 RGB."""
    inside = weight > 0.5
    if not inside.any():
        return pixels
    lab, wanted = (cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32) for picture in (pixels, reference))
    own_mean, own_std = lab[inside].mean(0), lab[inside].std(0) + 1e-3
    mean, std = wanted[inside].mean(0), wanted[inside].std(0)
    lab = (lab - own_mean) * np.clip(std / own_std, 0.6, 1.6) + mean
    return cv2.cvtColor(np.clip(np.rint(lab), 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def feather(pixels: np.ndarray, onto: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``pixels`` before ``onto`` (uint8 [h, w, 3]) by ``weight`` (float32 [h, w]), and the bool mask of the change."""
    mask = weight > _VISIBLE
    weight = np.where(mask, weight, np.float32(0))
    return cv2.blendLinear(pixels, onto, weight, 1 - weight), mask


def poisson(pixels: np.ndarray, onto: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of ``pixels`` within ``onto`` where ``weight`` is above one half (Perez et al., 2003), and the
    bool mask of the change."""
    mask = weight > 0.5
    mask[[0, -1]] = mask[:, [0, -1]] = False
    box = bounds(mask.astype(np.float32))
    if box is None:
        return onto, mask
    rows, columns = box
    if rows.stop - rows.start < 5 or columns.stop - columns.start < 5:
        return onto, np.zeros_like(mask)
    middle = (columns.start + (columns.stop - columns.start) // 2, rows.start + (rows.stop - rows.start) // 2)
    cloned = cv2.seamlessClone(pixels, onto, 255 * mask.astype(np.uint8), middle, cv2.NORMAL_CLONE)
    return np.where(mask[..., None], cloned, onto), mask


def _ellipse(
    centre: tuple[float, float] | np.ndarray, axes: tuple[float, float], angle: float, softness: float
) -> np.ndarray:
    x, y = np.meshgrid(np.arange(CANVAS, dtype=np.float32), np.arange(CANVAS, dtype=np.float32))
    turn = np.radians(angle)
    u = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
    v = (y - centre[1]) * np.cos(turn) - (x - centre[0]) * np.sin(turn)
    distance = 1 - np.sqrt(np.square(u / axes[0]) + np.square(v / axes[1]))  # 1 in the middle, 0 on the edge
    ramp = np.clip(distance * min(axes) / max(softness, 1.0), 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
