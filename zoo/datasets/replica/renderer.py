"""Draws a talking head: a mouth that opens by warping the face, and a head that moves before its background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from zoo.datasets.replica.identity import CANVAS, FRAME, Face

_INSIDE: Final = np.array([52, 20, 22], np.float32)
_TEETH: Final = np.array([196, 188, 176], np.float32)
_TONGUE: Final = np.array([128, 62, 64], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is seen of the canvas: its frame, ``margin`` canvas pixels more at the left and the right, ``scale`` times
    enlarged."""

    scale: float = 1.0
    margin: int = 0

    @property
    def width(self) -> int:
        return round((FRAME + 2 * self.margin) * self.scale)

    @property
    def height(self) -> int:
        return round(FRAME * self.scale)

    def matrix(self, head: np.ndarray) -> np.ndarray:
        """Canvas to view, float64 [2, 3], for the pose ``head`` [4] of :meth:`TalkingHead.draw`."""
        matrix = _pose_matrix(head)
        matrix[0, 2] += self.margin
        return matrix * self.scale

    def place(self, picture: np.ndarray, head: np.ndarray) -> np.ndarray:
        """``picture`` [CANVAS, CANVAS, ...] as it is seen in the pose ``head``."""
        size = (self.width, self.height)
        return cv2.warpAffine(picture, self.matrix(head), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


WHOLE_FRAME: Final = View()


def over(layer: np.ndarray, backdrop: np.ndarray) -> np.ndarray:
    """``layer`` (uint8 [h, w, 4] RGBA) before ``backdrop`` (uint8 [h, w, 3])."""
    person, matte = cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB), cv2.extractChannel(layer, 3)
    weight = matte * np.float32(1 / 255)
    return cv2.blendLinear(person, backdrop, weight, 1 - weight)


class TalkingHead:
    """A :class:`Face` that can open its mouth.

    All frames of a replica, genuine or fake, are drawn by this class alone, so that no trace of drawing tells them
    apart.

    Args:
        face: whose head it is.
    """

    def __init__(self, face: Face):
        left, right = face.mouth
        half_width = float(np.linalg.norm(right - left) / 2)
        across = (right - left) / (2 * half_width)
        down = np.array([-across[1], across[0]], np.float32)
        centre = (left + right) / 2
        x0, x1 = _span(centre[0], -2.7 * half_width, 2.7 * half_width)
        y0, y1 = _span(centre[1], -1.3 * half_width, 3.3 * half_width)
        self.face = face
        self._patch = (slice(y0, y1), slice(x0, x1))
        self._grid = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1).astype(np.float32)
        u = ((self._grid - centre) @ across) / half_width
        v = ((self._grid - centre) @ down) / half_width
        bow = np.clip(1 - u**2, 0, None)
        self._below_lips = v - face.lip_sag * bow
        self._bow = bow**0.7
        self._jaw = np.exp(-np.square(u / 1.5)) * np.clip((3.2 - v) / 1.6, 0, 1)
        self._widening = 0.16 * u * np.exp(-np.square(u / 1.7) - np.square(v / 1.1))
        self._across, self._down = across * half_width, down * half_width
        self._lip_edge = 1.5 / half_width
        # The cavity is painted in a smaller box around the lips alone.
        rows = np.flatnonzero((np.abs(v) < 1.5).any(1) & (v.max(1) > -0.3))
        columns = np.flatnonzero((np.abs(u) < 1.05).any(0))
        self._box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        self._off_centre = np.abs(u[self._box])

    def draw(self, motion: np.ndarray, pose: np.ndarray) -> Iterator[np.ndarray]:
        """Frames uint8 [FRAME, FRAME, 3] RGB.

        Args:
            motion: float32 [t, 2], opening in half mouth widths (0 to about 1) and spread in [-1, 1].
            pose: float32 [t, 4], head shift in x and y in pixels, turn in radians, relative size.
        """
        for layer in self.layers(motion, pose):
            yield over(layer, self.face.background)

    def layers(self, motion: np.ndarray, pose: np.ndarray, *, view: View = WHOLE_FRAME) -> Iterator[np.ndarray]:
        """The person alone, seen through ``view``: uint8 [view.height, view.width, 4] RGBA; the arguments as in
        :meth:`draw`."""
        picture = np.dstack([self.face.texture, (255 * self.face.matte).astype(np.uint8)])
        still = picture[self._patch].copy()
        for (opening, spread), head in zip(motion, pose, strict=True):
            picture[self._patch] = self._mouth(still, float(opening), float(spread))
            yield view.place(picture, head)

    def with_matte(self, matte: np.ndarray) -> TalkingHead:
        """The same head cut out by ``matte``, float32 [CANVAS, CANVAS] in [0, 1]."""
        return TalkingHead(replace(self.face, matte=matte))

    def _mouth(self, still: np.ndarray, opening: float, spread: float) -> np.ndarray:
        """The animated patch: ``still`` (uint8 [h, w, 4]) with its jaw dropped and the mouth's inside painted."""
        upper = (-0.12 * opening) * self._bow  # the upper lip rises a little, the lower one follows the jaw
        lower = (0.88 * opening) * self._bow
        under = self._below_lips - lower
        blend = np.clip(under * (1 / 1.1), 0, 1)
        drop = lower + blend * ((0.88 * opening) * self._jaw - lower)
        lift = upper * np.clip(1 + 1.4 * (self._below_lips - upper), 0, 1)
        shift_v = np.where(under > 0, drop, lift)
        shift_u = spread * self._widening
        x0, y0 = self._grid[0, 0]
        map_x = self._grid[..., 0] - x0 - shift_u * self._across[0] - shift_v * self._down[0]
        map_y = self._grid[..., 1] - y0 - shift_u * self._across[1] - shift_v * self._down[1]
        patch = cv2.remap(still, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        patch[..., 3] = still[..., 3]
        if opening > 0.01:
            depth = (self._below_lips - upper)[self._box]
            self._paint_cavity(patch[self._box], depth, -under[self._box], opening)
        return patch

    def _paint_cavity(self, patch: np.ndarray, depth: np.ndarray, height: np.ndarray, opening: float) -> None:
        """Paint teeth, tongue and dark onto ``patch`` in place; ``depth`` is below the upper lip, ``height`` above
        the lower one, in half mouth widths."""
        inside = np.clip(depth / self._lip_edge, 0, 1) * np.clip(height / self._lip_edge, 0, 1)
        teeth = np.clip(1.5 - depth / 0.12, 0, 1) * np.clip((0.8 - self._off_centre) / 0.15, 0, 1)
        teeth *= 0.8 * min(opening / 0.25, 1.0)
        tongue = np.clip((depth / opening - 0.6) / 0.3, 0, 1) * np.clip((0.6 - self._off_centre) / 0.3, 0, 1)
        cavity = _INSIDE + (0.7 * tongue)[..., None] * (_TONGUE - _INSIDE)
        cavity += teeth[..., None] * (_TEETH - cavity)
        skin = patch[..., :3]
        skin[:] = skin + inside[..., None] * (cavity - skin)


def _span(centre: float, before: float, after: float) -> tuple[int, int]:
    return max(int(centre + before), 0), min(int(centre + after), CANVAS)


def draw_pose(*, frames: int, fps: float, amount: float, rng: Generator) -> np.ndarray:
    """A slow, smooth head movement: float32 [frames, 4] for :meth:`TalkingHead.draw`; ``amount`` scales it."""
    time = np.arange(frames) / fps
    tracks = []
    for reach in (6.0, 4.0, 0.06, 0.035):
        rate, phase = rng.uniform(0.1, 0.6, 3), rng.uniform(0, 2 * np.pi, 3)
        weight = rng.uniform(0.3, 1.0, 3) / (1 + 2 * rate)
        wave = (weight * np.sin(2 * np.pi * rate * time[:, None] + phase)).sum(1)
        tracks.append(reach * amount * wave + reach * rng.uniform(-0.5, 0.5))
    tracks[3] = np.exp(tracks[3])
    return np.stack(tracks, 1).astype(np.float32)


def _pose_matrix(head: np.ndarray) -> np.ndarray:
    """Canvas to frame: turned and scaled about the base of the neck."""
    x, y, angle, size = (float(value) for value in head)
    cosine, sine = size * np.cos(angle), size * np.sin(angle)
    pivot = np.array([CANVAS / 2, CANVAS * 0.75])
    turn = np.array([[cosine, -sine], [sine, cosine]])
    offset = pivot - turn @ pivot - (CANVAS - FRAME) / 2 + np.array([x, y])
    return np.hstack([turn, offset[:, None]])
