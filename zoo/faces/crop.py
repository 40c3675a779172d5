"""Cutting upright rectangles out of frames, whatever their angle and size, without aliasing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_MOST_SUPERSAMPLING = 8


def cut_region(
    frame: np.ndarray, center: np.ndarray, size: tuple[float, float], *, out_size: tuple[int, int], angle: float = 0.0
) -> np.ndarray:
    """A rectangle of ``frame``, turned upright and resized.

    Args:
        frame: uint8 [h, w] or [h, w, 3].
        center: x, y in pixels of ``frame``.
        size: width, height in pixels of ``frame``.
        out_size: width, height of the result.
        angle: radians by which the rectangle is turned in the picture (clockwise as seen).
    Returns:
        uint8 [out height, out width] or [out height, out width, 3]; beyond the frame's edge its border is repeated.
    """
    zoom = max(size[0] / out_size[0], size[1] / out_size[1])
    finer = int(np.clip(np.ceil(zoom), 1, _MOST_SUPERSAMPLING))
    width, height = out_size[0] * finer, out_size[1] * finer
    x, y = size[0] / width, size[1] / height
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine * x, -sine * y, 0.0], [sine * x, cosine * y, 0.0]])
    matrix[:, 2] = np.asarray(center) - matrix[:, :2] @ [(width - 1) / 2, (height - 1) / 2]
    region = cv2.warpAffine(
        frame, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return region if finer == 1 else cv2.resize(region, out_size, interpolation=cv2.INTER_AREA)


def cut_faces(frames: Sequence[np.ndarray] | np.ndarray, boxes: np.ndarray, *, size: int, margin: float) -> np.ndarray:
    """Square cuts around face boxes.

    Args:
        frames: n times uint8 [h, w, 3].
        boxes: pixels [n, 4].
        size: side of the result in pixels.
        margin: side of the square as a multiple of the box's longer side.
    Returns:
        uint8 [n, size, size, 3].
    """
    out = np.empty((len(frames), size, size, 3), np.uint8)
    for row, (frame, box) in enumerate(zip(frames, boxes, strict=True)):
        side = margin * max(box[2] - box[0], box[3] - box[1], 1.0)
        out[row] = cut_region(frame, (box[:2] + box[2:]) / 2, (side, side), out_size=(size, size))
    return out


def points_in_cut(points: np.ndarray, box: np.ndarray, *, size: int, margin: float) -> np.ndarray:
    """Where ``points`` ([k, 2], pixels of the frame) are in the cut of `cut_faces`: [k, 2], its pixels."""
    side = margin * max(box[2] - box[0], box[3] - box[1], 1.0)
    return (points - (box[:2] + box[2:]) / 2) * (size / side) + (size - 1) / 2


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """``picture`` (uint8 [h, w, 3]) as a square of ``size``: what shrinks is averaged, what grows is interpolated."""
    height, width = picture.shape[:2]
    if (height, width) == (size, size):
        return picture
    how = cv2.INTER_AREA if min(height, width) > size else cv2.INTER_LINEAR
    return cv2.resize(picture, (size, size), interpolation=how)


def shrunk_to(frames: np.ndarray, longest_side: int) -> list[np.ndarray]:
    """``frames`` (uint8 [n, h, w, 3]) with at most ``longest_side`` pixels a side; smaller ones as they are."""
    height, width = frames.shape[1:3]
    shrink = longest_side / max(height, width)
    if shrink >= 1:
        return list(frames)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
