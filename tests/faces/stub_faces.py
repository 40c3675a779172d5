"""Faces that need no network to be found: coloured squares on gray, and detectors that find them."""

from __future__ import annotations

import cv2
import numpy as np

from zoo.faces.align import template
from zoo.faces.detections import Detections
from zoo.faces.near import search_near
from zoo.media.encode import write_video

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (40, 40, 230)
SIZE = (96, 128)


def scene(*squares, size=SIZE):
    """uint8 [h, w, 3]: gray, with a square of each (left, top, side, colour), whose lower half is darker."""
    frame = np.full((*size, 3), 128, np.uint8)
    for left, top, side, colour in squares:
        left, top, side = round(left), round(top), round(side)
        frame[top : top + side, left : left + side] = colour
        frame[top + side // 2 : top + side, left : left + side] = np.array(colour) * 0.7
    return frame


def film(path, frames, **options):
    """A nearly lossless video of ``frames``."""
    write_video(path, frames, **{"fps": 10, "crf": 4, "gop": 10, **options})
    return path


class SquareDetector:
    """Finds what is colourful, the largest first."""

    def __init__(self, *, score: float = 0.99, least: int = 10):
        self.score = score
        self.least = least

    def detect(self, frames):
        return [self._find(frame) for frame in frames]

    def fingerprint(self):
        return f"squares {self.score} {self.least}"

    def _find(self, frame):
        colourful = (np.ptp(frame.astype(np.int16), axis=2) > 60).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(colourful)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:] if min(w, h) >= self.least]
        if not boxes:
            return Detections.none()
        boxes = np.array(sorted(boxes, key=lambda box: (box[0] - box[2]) * (box[3] - box[1])), np.float32)
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
        points = boxes[:, None, :2] + (template(size=1)[None] + 0.5).astype(np.float32) * sides[:, None]
        return Detections(boxes, np.full(len(boxes), self.score, np.float32), points.astype(np.float32))


class NearSquareDetector(SquareDetector):
    """Can be asked about surroundings; counts the frames that it searched as a whole and near a box."""

    def __init__(self, **options):
        super().__init__(**options)
        self.whole = self.near = 0

    def detect(self, frames):
        self.whole += len(frames)
        return super().detect(frames)

    def detect_near(self, frames, boxes):
        self.near += len(frames)
        return search_near(super().detect, frames, boxes, size=96)
