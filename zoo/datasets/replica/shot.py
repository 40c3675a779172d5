"""What a camera sees: a talking head on a larger picture, perhaps beside somebody else, perhaps not always there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.random import Generator

from zoo.datasets.replica.identity import CANVAS, FRAME, draw_background
from zoo.datasets.replica.renderer import TalkingHead, View, over

BYSTANDER_SIZE: Final = 0.8
"""How large the second person is beside the first."""

APART: Final = 1.0
"""How far apart the middles of two people are at least, in heights of the first one's view."""

_MARGIN: Final = (CANVAS - FRAME) // 2
_EDGE: Final = 10.0  # canvas pixels over which shoulders end
_RAMP_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A head and what it does: ``motion`` float32 [t, 2] and ``pose`` float32 [t, 4] as for
    :meth:`TalkingHead.draw`."""

    head: TalkingHead
    motion: np.ndarray
    pose: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An actor in the picture: seen through ``view``, its upper left corner at ``left`` (int [t]) and ``top``."""

    actor: Actor
    view: View
    left: np.ndarray
    top: int

    def layers(self) -> Iterator[np.ndarray]:
        """The person frame by frame, uint8 [view.height, view.width, 4] RGBA."""
        return self.actor.head.layers(self.actor.motion, self.actor.pose, view=self.view)


Edit = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Takes what is seen in the view of frame t, uint8 [h, w, 3], and t; returns it changed, and a bool mask [h, w] that
covers every changed pixel. Called once a frame, in order."""


class Manipulation(Protocol):
    """A way to forge: the face of ``shot`` with something of ``donor``."""

    def on(self, shot: Shot, donor: Actor) -> Edit:
        """The edit for one clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One clip before any encoder: ``person`` before ``background`` (uint8 [h, w, 3]), ``bystander`` between them."""

    person: Standing
    background: np.ndarray
    bystander: Standing | None

    def film(self, edit: Edit | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Picture uint8 [h, w, 3] RGB and mask bool [h, w] (True where ``edit`` changed it) of every frame."""
        width = self.background.shape[1]
        others = self.bystander.layers() if self.bystander is not None else None
        for t, layer in enumerate(self.person.layers()):
            picture = self.background.copy()
            if others is not None and self.bystander is not None:
                _paste(next(others), picture, int(self.bystander.left[t]), self.bystander.top)
            left, top = int(self.person.left[t]), self.person.top
            begin, end = max(left, 0), min(left + self.person.view.width, width)
            mask = np.zeros(picture.shape[:2], bool)
            if begin >= end:  # the person is out of the picture
                if edit is not None:
                    edit(np.zeros((*layer.shape[:2], 3), np.uint8), t)
                yield picture, mask
                continue
            rows = slice(top, top + self.person.view.height)
            seen = cv2.copyMakeBorder(
                picture[rows, begin:end],
                0,
                0,
                begin - left,
                left + self.person.view.width - end,
                cv2.BORDER_REPLICATE,
            )
            seen = over(layer, seen)
            inside = slice(begin - left, end - left)
            if edit is not None:
                seen, changed = edit(seen, t)
                mask[rows, begin:end] = changed[:, inside]
            picture[rows, begin:end] = seen[:, inside]
            yield picture, mask

    def face_box(self, t: int) -> np.ndarray:
        """Left, top, right and bottom of the face in frame t, float64 [4] in pixels of the picture."""
        matrix = self.person.view.matrix(self.person.actor.pose[t])
        corners = np.array([[106, 96], [182, 96], [182, 212], [106, 212]]) @ matrix[:, :2].T + matrix[:, 2]
        corners += [self.person.left[t], self.person.top]
        return np.concatenate([corners.min(0), corners.max(0)])


def set_up(
    actor: Actor,
    *,
    frame_size: tuple[int, int],
    head_size: int,
    bystander: Actor | None,
    away_s: float,
    fps: float,
    rng: Generator,
) -> Shot:
    """Place ``actor`` in a picture of ``frame_size`` (width, height).

    Args:
        actor: whose clip it is.
        frame_size: width and height of the picture in pixels.
        head_size: height in pixels of the view that holds head and shoulders; the face is about half as high.
        bystander: a second person, smaller and further behind, or None.
        away_s: for how many seconds, somewhere in the clip, the actor leaves the picture; 0 for never.
        fps: frames a second.
        rng: decides the places, the wall and the time of leaving.
    """
    width, height = frame_size
    view = View(scale=head_size / FRAME, margin=_MARGIN)
    frames = len(actor.pose)
    free = max(width - head_size, 0)
    middle = width / 2 + rng.uniform(-0.5, 0.5) * free
    wall = draw_background(width=width, height=height, rng=rng).astype(np.int16)
    wall += np.rint(2.5 * rng.standard_normal((height, width, 1))).astype(np.int16)
    second = None
    if bystander is not None:
        distance = APART * head_size * rng.uniform(1.0, 1.15)
        middle = np.clip(middle, 0.45 * head_size, width - 0.45 * head_size)
        side = 1 if middle + distance <= width - 0.3 * head_size else -1
        if side < 0 and middle - distance < 0.3 * head_size:  # little room: both move apart
            middle, side = width / 2 - distance / 2, 1
        other = View(scale=view.scale * BYSTANDER_SIZE, margin=_MARGIN)
        left = np.full(frames, round(middle + side * distance - other.width / 2))
        second = Standing(actor=_tapered(bystander), view=other, left=left, top=height - other.height)
    left = np.rint(middle - view.width / 2 + _leave(frames, away_s, fps, width + view.width, rng)).astype(int)
    return Shot(
        person=Standing(actor=_tapered(actor), view=view, left=left, top=height - view.height),
        background=np.clip(wall, 0, 255).astype(np.uint8),
        bystander=second,
    )


def _leave(frames: int, away_s: float, fps: float, distance: float, rng: Generator) -> np.ndarray:
    """How far to the side the head is, float64 [frames]: gone for ``away_s``, with a short walk before and after."""
    direction, place = rng.choice([-1, 1]), rng.random()
    if not away_s:
        return np.zeros(frames)
    duration = frames / fps
    begin = _RAMP_S + place * max(duration - away_s - 2 * _RAMP_S, 0.0)
    time = np.arange(frames) / fps
    gone = np.clip(np.minimum((time - begin + _RAMP_S) / _RAMP_S, (begin + away_s + _RAMP_S - time) / _RAMP_S), 0, 1)
    return direction * distance * gone * gone * (3 - 2 * gone)


def _tapered(actor: Actor) -> Actor:
    """The actor with shoulders that end before the canvas does, for pictures that show more than the canvas."""
    x = np.arange(CANVAS, dtype=np.float32)
    taper = np.clip(np.minimum(x, CANVAS - 1 - x) / _EDGE - 0.2, 0, 1)
    return Actor(head=actor.head.with_matte(actor.head.face.matte * taper), motion=actor.motion, pose=actor.pose)


def _paste(layer: np.ndarray, picture: np.ndarray, left: int, top: int) -> None:
    """Put ``layer`` (RGBA) into ``picture`` in place, cut off at its sides."""
    begin, end = max(left, 0), min(left + layer.shape[1], picture.shape[1])
    if begin < end:
        area = picture[top : top + layer.shape[0], begin:end]
        area[:] = over(np.ascontiguousarray(layer[:, begin - left : end - left]), np.ascontiguousarray(area))
