"""What a face looks like, coarsely: enough to tell the people of one video apart, no biometric identity."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from zoo.faces.crop import cut_region

_SIDE: Final = 32  # pixels of the cut that is looked at
_GRID: Final = 8  # cells of the thumbnail a side, and bins of each colour axis
_REACH: Final = 1.3  # side of the cut in longer sides of the box: hair and collar tell people apart too


def describe_faces(frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Half a colour histogram, half a thumbnail without its mean, both of unit length.

    Args:
        frame: uint8 [h, w, 3], RGB.
        boxes: pixels [k, 4].
    Returns:
        float32 [k, 128]. `likeness` of two rows is in [-0.5, 1]; equal cuts give 1.
    """
    rows = np.empty((len(boxes), 2 * _GRID**2), np.float32)
    for row, box in enumerate(boxes):
        side = _REACH * max(box[2] - box[0], box[3] - box[1], 1.0)
        cut = cut_region(frame, (box[:2] + box[2:]) / 2, (side, side), out_size=(_SIDE, _SIDE))
        lab = cv2.cvtColor(cut, cv2.COLOR_RGB2LAB)
        colours = cv2.calcHist([lab], [1, 2], None, [_GRID, _GRID], [96, 160, 96, 160]).ravel()
        thumbnail = cv2.resize(lab[..., 0], (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
        rows[row] = np.concatenate([_unit(np.sqrt(colours)), _unit(thumbnail - thumbnail.mean())])
    return rows / np.float32(np.sqrt(2))


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Likeness [n, m] of descriptions [n, d] with descriptions [m, d]."""
    return first @ second.T


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)
