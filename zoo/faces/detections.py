"""What a face detector finds in one picture, and the interface that every face detector has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True, slots=True)
class Detections:
    """The ``k`` faces of one picture.

    Attributes:
        boxes: float32 [k, 4], pixels, x1 y1 x2 y2; they may reach beyond the picture's edge.
        scores: float32 [k] in [0, 1].
        points: float32 [k, 5, 2], pixels: left and right eye, nose, left and right mouth corner, as seen in it. What
            a detector does not give is NaN.
        sources: the names of the detectors that found the faces, one a face, where several were asked; else empty.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Detections:
        """A picture without a face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))

    def scaled(self, x: float, y: float) -> Detections:
        """The same faces in a picture that is ``x`` times as wide and ``y`` times as high."""
        factor = np.array([x, y], np.float32)
        return Detections(self.boxes * np.tile(factor, 2), self.scores, self.points * factor, self.sources)

    def shifted(self, x: float, y: float) -> Detections:
        """The same faces in a picture whose corner lies ``x`` pixels further left and ``y`` further up."""
        step = np.array([x, y], np.float32)
        return Detections(self.boxes + np.tile(step, 2), self.scores, self.points + step, self.sources)

    def select(self, rows: np.ndarray) -> Detections:
        """The faces ``rows`` (indices in the order wanted, or a mask)."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        sources = tuple(self.sources[row] for row in rows) if self.sources else ()
        return Detections(self.boxes[rows], self.scores[rows], self.points[rows], sources)

    @classmethod
    def merged(cls, parts: Sequence[Detections]) -> Detections:
        """All faces of ``parts``, which come from one detector or all name their sources."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.points for part in parts]),
            tuple(name for part in parts for name in part.sources),
        )


@runtime_checkable
class FaceDetector(Protocol):
    """Finds faces in pictures. Building one neither downloads nor loads anything: that happens on first use.

    It can be pickled; the copy loads for itself.
    """

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


@runtime_checkable
class NearDetector(Protocol):
    """A face detector that can search around boxes instead of everywhere, at a fraction of the cost."""

    def detect_near(self, frames: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray) -> list[Detections]:
        """The faces around ``boxes`` (pixels, [4] or [k, 4] a frame) in each of ``frames``; see `search_near`."""


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


def suppress_overlaps(boxes: np.ndarray, scores: np.ndarray, *, max_overlap: float) -> np.ndarray:
    """Greedy non-maximum suppression.

    Args:
        boxes: [k, 4].
        scores: [k].
        max_overlap: intersection over union in [0, 1] above which the box with the lower score goes.
    Returns:
        Indices of the boxes that stay, highest score first; of equal scores the first.
    """
    order = np.argsort(-scores, kind="stable")
    stays = []
    while len(order):
        first, order = order[0], order[1:]
        stays.append(first)
        if len(order):
            order = order[paired_overlaps(boxes[first], boxes[order]) <= max_overlap]
    return np.array(stays, np.intp)
