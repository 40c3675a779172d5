"""Searching around boxes that are known already: a small cut shows a face as large as a whole frame does, for less."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np

from zoo.faces.detections import Detections, suppress_overlaps

REACH: Final = 2.5  # side of a region in longer sides of its box
_MAX_OVERLAP: Final = 0.4  # of two faces found in overlapping regions; above, they are one
_CUT_OFF: Final = 0.1  # share of a face that may lie beyond its region


def search_near(
    detect: Callable[[np.ndarray], list[Detections]],
    frames: np.ndarray,
    boxes: Sequence[np.ndarray] | np.ndarray,
    *,
    size: int,
    reach: float = REACH,
) -> list[Detections]:
    """The faces that ``detect`` finds in squares around ``boxes``.

    A face that its region cuts off within the frame is left out: its box would be wrong, and a search of the whole
    frame finds it.

    Args:
        detect: finds the faces of uint8 [m, size, size, 3].
        frames: uint8 [n, h, w, 3].
        boxes: pixels, for each frame [4] or [k, 4]; none (k = 0) finds nothing.
        size: side of the searched cuts in pixels; regions are shrunk or enlarged to it.
        reach: side of a region as a multiple of the longer side of its box.
    Returns:
        One a frame, in pixels of the frame, highest score first.
    """
    owners, corners, sides = _regions(boxes, reach, size)
    cuts = np.empty((len(owners), size, size, 3), np.uint8)
    for row, (owner, corner, side) in enumerate(zip(owners, corners, sides, strict=True)):
        _cut(frames[owner], corner, side, out=cuts[row])
    parts: list[list[Detections]] = [[] for _ in frames]
    height, width = frames.shape[1:3]
    for seen, owner, corner, side in zip(detect(cuts), owners, corners, sides, strict=True):
        if len(seen):
            whole = seen.select(_uncut(seen.boxes / size, corner, side, (width, height)))
            parts[owner].append(whole.scaled(side / size, side / size).shifted(*corner))
    return [_unique(Detections.merged(found)) for found in parts]


def _regions(
    boxes: Sequence[np.ndarray] | np.ndarray, reach: float, size: int
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """The frame, upper left corner [m, 2] and side [m] of every region, in pixels; sides suit `_cut`."""
    rows = [np.reshape(box, (-1, 4)) for box in boxes]
    owners = [frame for frame, known in enumerate(rows) for _ in known]
    every = np.concatenate([np.zeros((0, 4)), *rows])
    sides = np.maximum(np.rint(reach * (every[:, 2:] - every[:, :2]).max(axis=1, initial=1.0)), 2).astype(int)
    sides -= sides % np.maximum(sides // size, 1)
    corners = np.rint((every[:, :2] + every[:, 2:] - sides[:, None]) / 2).astype(int)
    return owners, corners, sides


def _cut(frame: np.ndarray, corner: np.ndarray, side: int, *, out: np.ndarray) -> None:
    """The square of ``frame`` at ``corner``, black beyond the frame, resized into ``out``."""
    left, top = (int(value) for value in corner)
    inner = frame[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if inner.shape[:2] != (side, side):
        square = np.zeros((side, side, 3), np.uint8)
        if inner.size:
            y, x = max(-top, 0), max(-left, 0)
            square[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
        inner = square
    whole = max(1, side // len(out))  # an exact multiple shrinks without aliasing at a tenth of any other ratio's cost
    if whole > 1:
        inner = cv2.resize(inner, None, fx=1 / whole, fy=1 / whole, interpolation=cv2.INTER_AREA)
    cv2.resize(inner, out.shape[1::-1], dst=out, interpolation=cv2.INTER_LINEAR)


def _uncut(shares: np.ndarray, corner: np.ndarray, side: int, frame_size: tuple[int, int]) -> np.ndarray:
    """Which boxes (in sides of the region, [k, 4]) do not reach beyond an edge of it that lies within the frame."""
    allowed = _CUT_OFF * (shares[:, 2:] - shares[:, :2])
    inside = np.concatenate([np.asarray(corner) > 0, np.asarray(corner) + side < frame_size])
    beyond = np.concatenate([-shares[:, :2], shares[:, 2:] - 1], axis=1) > np.tile(allowed, 2)
    return ~(beyond & inside).any(axis=1)


def _unique(found: Detections) -> Detections:
    return found.select(suppress_overlaps(found.boxes, found.scores, max_overlap=_MAX_OVERLAP))
