"""Face cuts in which eyes, nose and mouth are where they are in every other, whatever the head's tilt and size."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from zoo.errors import DataError

TEMPLATE: Final = np.array(
    [[0.315, 0.365], [0.685, 0.365], [0.5, 0.59], [0.343, 0.757], [0.657, 0.757]],  # eyes, nose, mouth corners
    np.float64,
)
"""Where the five points of a frontal face are, as shares of a square's side, at margin 1 (brows to chin): the mean of
aligned portraits."""
TEMPLATE.flags.writeable = False
_MOST_SUPERSAMPLING: Final = 8


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift that takes ``source`` to ``target`` with the least squared distances.

    Umeyama 1991 (doi:10.1109/34.88573), in closed form; it never mirrors.

    Args:
        source, target: [k, 2], k at least 2.
    Returns:
        float64 [2, 3], ``target = matrix[:, :2] @ source + matrix[:, 2]``.

    Raises:
        DataError: the source points are one point, or the fit is not finite.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    left, right = source - source_mean, target - target_mean
    spread = float((left**2).sum())
    if not spread > 1e-12:
        raise DataError("No similarity fits: the points of the face fall together or are unknown.")
    # In the plane the optimum needs no decomposition: as complex numbers it is one quotient.
    cosine = float((left * right).sum()) / spread
    sine = float((left[:, 0] * right[:, 1] - left[:, 1] * right[:, 0]).sum()) / spread
    linear = np.array([[cosine, -sine], [sine, cosine]])
    if not np.isfinite(linear).all() or not linear.any():
        raise DataError("No similarity fits the points of the face.")
    return np.concatenate([linear, (target_mean - linear @ source_mean)[:, None]], axis=1)


def align_face(
    frame: np.ndarray, points: np.ndarray, *, size: int, margin: float = 1.0, min_points: int = 5
) -> np.ndarray:
    """The face of ``frame``, moved, turned and scaled so that its points come as near as can be to `TEMPLATE`.

    Args:
        frame: uint8 [h, w, 3].
        points: [5, 2] in pixels; NaN is unknown.
        size: side of the result in pixels.
        margin: side of the square as a multiple of the template's.
        min_points: fewer known points are an error. Faces aligned by fewer than five differ systematically from those
            aligned by all; 3 lets eyes and nose decide alone.
    Returns:
        uint8 [size, size, 3]; beyond the frame's edge its border is repeated.

    Raises:
        DataError: too few points are known, or they fall together.
    """
    points = np.asarray(points, np.float64)
    known = np.isfinite(points).all(axis=1)
    if known.sum() < max(2, min_points):
        raise DataError(
            f"Aligning needs {max(2, min_points)} points of the face; the detector gave {known.sum()}.",
            next_step="Use a detector that gives all five: MTCNNDetector or RetinaFaceDetector; or do not align.",
        )
    return _warp(frame, fit_similarity(points[known], template(size=size, margin=margin)[known]), size)


def aligned_points(points: np.ndarray, *, size: int, margin: float = 1.0) -> np.ndarray:
    """Where ``points`` ([5, 2], pixels of the frame, all known) are in the cut of `align_face`: [5, 2], its pixels."""
    matrix = fit_similarity(points, template(size=size, margin=margin))
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def template(*, size: int, margin: float = 1.0) -> np.ndarray:
    """The points of an aligned face: [5, 2] in pixels of a square of ``size``; ``margin`` as in `align_face`."""
    return ((TEMPLATE - 0.5) / margin + 0.5) * size - 0.5


def _warp(frame: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """``frame`` through ``matrix``; what shrinks is averaged over whole multiples, so that it does not alias."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    finer = int(np.clip(np.ceil(1 / max(scale, 1e-6)), 1, _MOST_SUPERSAMPLING))
    fine = matrix * finer
    fine[:, 2] += (finer - 1) / 2  # centres of pixels, not corners, keep their place
    cut = cv2.warpAffine(
        frame, fine, (size * finer, size * finer), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return cut if finer == 1 else cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA)
