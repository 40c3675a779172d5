"""What a face detector finds in one picture, and the interface that every face detector has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True, slots=True)
class Detections:
    """The ``k`` faces of one picture.

    Attributes:
        boxes: float32 [k, 4], pixels, x1 y1 x2 y2; they may reach beyond the picture's edge.
        scores: float32 [k] in [0, 1].
        points: float32 [k, 5, 2], pixels: left and right eye, nose, left and right mouth corner, as seen in it.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Detections:
        """A picture without a face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))

    def scaled(self, x: float, y: float) -> Detections:
        """The same faces in a picture that is ``x`` times as wide and ``y`` times as high."""
        factor = np.array([x, y], np.float32)
        return Detections(self.boxes * np.tile(factor, 2), self.scores, self.points * factor)


class FaceDetector(Protocol):
    """Finds faces in pictures. Building one neither downloads nor loads anything: that happens on first use."""

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The faces of each of ``frames`` (uint8 [n, h, w, 3], RGB), in pixels of these frames."""

    def fingerprint(self) -> str:
        """SHA-256 over everything that decides what is found: class, arguments and weights."""


@runtime_checkable
class FaceRefiner(Protocol):
    """A face detector that can also correct boxes that are known roughly, at a fraction of a search's cost."""

    def refine(self, frames: np.ndarray, boxes: np.ndarray) -> Detections:
        """The face at each of ``boxes`` [n, 4] in each of ``frames`` (uint8 [n, h, w, 3], RGB): one row a frame.

        A low score says that there is none.
        """


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Areas [...] of ``boxes`` [..., 4] in square pixels."""
    return np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=-1)


def box_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union [n, m] of boxes [n, 4] with boxes [m, 4]."""
    return paired_overlaps(first[:, None], second[None])


def paired_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union [...] of boxes [..., 4] with their counterparts."""
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    return shared / np.maximum(box_areas(first) + box_areas(second) - shared, 1e-9)
