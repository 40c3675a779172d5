"""Mouth pixels: the smallest visual feature that shows whether lips and sound agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from zoo.errors import DataError
from zoo.faces.crop import cut_region
from zoo.features.embedder import VisualEmbedder
from zoo.structures import FaceTrack

_BOX_MOUTH = (0.5, 0.76)  # where the mouth is in a face box, for detectors that give no points
_BOX_SCALE = 0.46  # distance of the eyes in widths of a face box


class MouthPixels(VisualEmbedder):
    """32 x 16 grey pixels around the mouth, turned upright and scaled by the face, not by the mouth.

    The region follows the smoothed points of the track. Its size comes from the distance of the eyes and of eyes to
    mouth, so that an opening mouth moves in the picture and does not scale it. Rows of a clip are then made
    comparable over people: the mean picture of the clip is taken away (the face that is there all the time) and what
    is left, the movement, is divided by the mean picture's contrast. Movement itself is never normalised: a mouth
    that opens half as far gives half the values.

    Args:
        width: of the region, in face scales (mean of the distances eye-eye and eyes-mouth).
        below: how far the region's centre lies below the mouth's, in face scales: lips open downwards.
        remove_mean: take the mean picture away; without, the mean grey value alone is taken away.
    """

    columns, lines = 32, 16

    def __init__(self, *, width: float = 1.6, below: float = 0.1, remove_mean: bool = True):
        self.width = width
        self.below = below
        self.remove_mean = remove_mean

    def arguments(self) -> Mapping[str, Any]:
        return {"width": self.width, "below": self.below, "remove_mean": self.remove_mean}

    def describe(self, frames: np.ndarray, track: FaceTrack) -> np.ndarray:
        """Grey values in [0, 255], float32 [t, 512], line by line.

        Raises:
            DataError: the track has points, but the eyes or the mouth's corners are not among them.
        """
        centers, scales, angles = _mouths(track)
        down = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
        centers = centers + self.below * scales[:, None] * down
        out = np.empty((len(frames), self.lines, self.columns), np.float32)
        for row, frame in enumerate(frames):
            size = (self.width * scales[row], self.width * scales[row] * self.lines / self.columns)
            region = cut_region(frame, centers[row], size, out_size=(self.columns, self.lines), angle=angles[row])
            out[row] = cv2.cvtColor(region, cv2.COLOR_RGB2GRAY)
        return out.reshape(len(frames), self.dim)

    def standardise(self, rows: np.ndarray) -> np.ndarray:
        mean_picture = rows.mean(axis=0)
        contrast = max(float(mean_picture.std()), 1.0)
        return (rows - (mean_picture if self.remove_mean else mean_picture.mean())) / np.float32(contrast)


def _mouths(track: FaceTrack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres [t, 2] in pixels, face scales [t] in pixels and angles [t] in radians."""
    if track.points is None:
        boxes = np.asarray(track.boxes)
        size = boxes[:, 2:] - boxes[:, :2]
        return boxes[:, :2] + size * _BOX_MOUTH, np.maximum(size[:, 0] * _BOX_SCALE, 1.0), np.zeros(len(boxes))
    points = np.asarray(track.points)
    if unknown := int(np.isnan(points[:, [0, 1, 3, 4]]).any(axis=(1, 2)).sum()):
        raise DataError(
            f"On {unknown} of {len(points)} frames the face detector gave no mouth corners.",
            where="MouthPixels",
            next_step="Use a detector that gives all five points: MTCNNDetector or RetinaFaceDetector.",
        )
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    across = points[:, 1] - points[:, 0]
    scale = (np.linalg.norm(across, axis=1) + np.linalg.norm(mouth - eyes, axis=1)) / 2
    return mouth, np.maximum(scale, 1.0), np.arctan2(across[:, 1], across[:, 0])
