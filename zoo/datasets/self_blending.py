"""A picture blended with itself: a fake that shows nothing but the traces of blending.

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022, arXiv:2204.08376). Two copies of a
picture are made to differ, and the face of one is laid over the other: what gives it away is the seam, and colours,
sharpness and geometry that do not go together, whatever the method of a forgery. The paper takes the outline of the
face from 81 landmarks; here a mean outline is fitted to the five points that face detectors give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator

from zoo.datasets.transforms.albumentation import Albumentations
from zoo.errors import DataError
from zoo.faces.align import TEMPLATE, fit_similarity
from zoo.faces.pipeline import AS_IT_IS

RATIOS: Final = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
"""How much of the face is laid over; each as likely as the others."""

_LEAST_POINTS: Final = 3
_MOST_SKEW: Final = 0.5  # a fit that makes one axis shorter than this share of the other is no face
_HALF: Final = np.array(  # right half of the face's outline from hairline to chin, in the square of `TEMPLATE`
    [
        *((0.50, -0.02), (0.67, 0.01), (0.80, 0.10), (0.885, 0.24), (0.90, 0.38)),
        *((0.885, 0.55), (0.84, 0.74), (0.75, 0.90), (0.62, 1.00), (0.50, 1.03)),
    ]
)
_BROWS: Final = 0.20  # where the outline without a forehead begins
_INNER: Final = 0.72  # size of the outline around eyes, nose and mouth
_CENTRE: Final = np.array([0.5, 0.56])
_BOX_WIDTH: Final = 0.76  # of a face, as a share of its height
_SHIFT: Final = 0.03  # shares of the picture's side
_SCALE: Final = 0.05
_TURN: Final = 4.0  # degrees
_BEND: Final = 0.025
_GRID: Final = 6
_BLURS: Final = (0.004, 0.03)

_COPY: Final = (
    {
        "op": "Sequential",
        "p": 1.0,
        "transforms": [
            {"op": "RGBShift", "r_shift_limit": 20, "g_shift_limit": 20, "b_shift_limit": 20, "p": 0.3},
            {"op": "HueSaturationValue", "hue_shift_limit": 6, "sat_shift_limit": 30, "val_shift_limit": 30, "p": 0.9},
            {"op": "RandomBrightnessContrast", "brightness_limit": 0.15, "contrast_limit": 0.15, "p": 0.9},
        ],
    },
    {
        "op": "OneOf",
        "p": 0.9,
        "transforms": [
            {"op": "Downscale", "scale_range": (0.3, 0.7), "interpolation_pair": {"upscale": 1, "downscale": 3}},
            {"op": "Sharpen", "alpha": (0.2, 0.5), "lightness": (0.9, 1.1)},
        ],
    },
)


class SelfBlending:
    """Blends pictures with themselves: `blend`."""

    def __init__(self) -> None:
        self._differ = Albumentations(ops=_COPY)

    def blend(self, picture: np.ndarray, outline: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        """One blend of ``picture``; the same state of ``rng`` gives the same.

        The colours and the sharpness of one copy are changed, even odds which; the one that is laid over is also moved
        and scaled a little.

        Args:
            picture: uint8 [h, w, 3], RGB; it is not changed.
            outline: [k, 2], see `face_outline`.
            rng: what is drawn from.
        Returns:
            uint8 [h, w, 3], and float32 [h, w] in [0, 1], how much of each pixel comes from the copy laid over.
        """
        changed = self._differ({"image": picture.copy()}, rng)["image"]
        over, under = (changed, picture) if rng.random() < 0.5 else (picture, changed)
        weight = blending_mask(outline, picture.shape[:2], rng)
        over = cv2.warpAffine(
            over, _moved(picture.shape[:2], rng, turn=0.0), picture.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101
        )
        return cv2.blendLinear(over, under, weight, 1 - weight), weight


def face_outline(points: np.ndarray, crops: Mapping[str, Any], rng: Generator) -> np.ndarray:
    """A convex outline of the face in a crop: float64 [k, 2], x and y as shares of its sides.

    With three known points or more it is the mean outline, brought over them by an affine fit (by a similarity where
    that would be no face): from the hairline, from the brows, or around eyes, nose and mouth, as drawn. Without, it
    follows from how the crops were made: in aligned ones the points are where alignment puts them; in others the face
    fills an ellipse in the box, which is the middle of the crop, 1 / (1 + 2 margin) of its side.

    Args:
        points: [5, 2] as shares of the crop's sides; NaN is unknown.
        crops: how they were made, the manifest's provenance.
        rng: what is drawn from.
    """
    side = 1.0 if crops.get("detector") == AS_IT_IS else 1 / (1 + 2 * float(crops.get("margin") or 0.0))
    known = np.isfinite(points).all(axis=1)
    kind = rng.integers(3)
    if known.sum() < _LEAST_POINTS:
        if not crops.get("align"):
            return _ellipse(side)
        points, known = (TEMPLATE - 0.5) * side + 0.5, np.ones(len(TEMPLATE), bool)
    try:
        matrix = _fit(TEMPLATE[known], np.asarray(points, np.float64)[known])
    except DataError:  # the points fall together
        return _ellipse(side)
    outline = _mean_outline(int(kind))
    return outline @ matrix[:, :2].T + matrix[:, 2]


def blending_mask(outline: np.ndarray, size: tuple[int, int], rng: Generator) -> np.ndarray:
    """How much of each pixel is laid over: float32 [h, w] in [0, 1].

    The outline is filled, bent and moved, cut back by a blur of which only the full inside stays, made soft by a second
    blur, and weakened by one of `RATIOS`.
    """
    height, width = size
    mask = np.zeros(size, np.float32)
    corners = np.rint((outline * (width, height) - 0.5) * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(corners), 1.0, lineType=cv2.LINE_8, shift=4)
    bend = cv2.resize(
        rng.uniform(-_BEND, _BEND, (_GRID, _GRID, 2)).astype(np.float32), (width, height), interpolation=2
    )
    moved = cv2.invertAffineTransform(_moved(size, rng, turn=_TURN)).astype(np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    from_x = moved[0, 0] * x + moved[0, 1] * y + moved[0, 2] + bend[..., 0] * width
    from_y = moved[1, 0] * x + moved[1, 1] * y + moved[1, 2] + bend[..., 1] * height
    bent = cv2.remap(mask, from_x, from_y, cv2.INTER_LINEAR)
    first, second = (max(sigma * min(size), 0.3) for sigma in rng.uniform(*_BLURS, 2))
    inside = (cv2.GaussianBlur(bent, (0, 0), first) > 0.98).astype(np.float32)
    ratio = np.float32(rng.choice(RATIOS))
    return np.clip(cv2.GaussianBlur(inside, (0, 0), second), 0, 1) * ratio


def _moved(size: tuple[int, int], rng: Generator, *, turn: float) -> np.ndarray:
    """A small shift, scale and turn (up to ``turn`` degrees) about the middle of a picture: [2, 3]."""
    height, width = size
    angle, scale = rng.uniform(-turn, turn), 1 + rng.uniform(-_SCALE, _SCALE)
    matrix = np.array(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale), np.float64)
    matrix[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2) * (width, height / 2)
    return matrix


def _mean_outline(kind: int) -> np.ndarray:
    """From the hairline (0), from the brows (1), or around eyes, nose and mouth (2)."""
    whole = np.concatenate([_HALF, (_HALF * (-1, 1) + (1, 0))[::-1]])
    if kind == 1:
        return np.column_stack([whole[:, 0], np.maximum(whole[:, 1], _BROWS)])
    return whole if kind == 0 else (whole - _CENTRE) * _INNER + _CENTRE


def _ellipse(side: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return 0.5 + side / 2 * np.column_stack([_BOX_WIDTH * np.cos(angles), np.sin(angles)])


def _fit(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine map [2, 3] of least squares, or the similarity where that is skewed, mirrored or not determined."""
    similarity = fit_similarity(source, target)
    if len(source) < len(TEMPLATE):
        return similarity
    solved, *_ = np.linalg.lstsq(np.column_stack([source, np.ones(len(source))]), target, rcond=None)
    stretch = np.linalg.svd(solved[:2], compute_uv=False)
    sound = np.linalg.det(solved[:2]) > 0 and stretch[1] > _MOST_SKEW * stretch[0]
    return solved.T if sound else similarity
