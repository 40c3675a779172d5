"""From one photograph to many faces: shape, colour, light and background of an invented identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from zoo.datasets.replica.photos import Photograph

CANVAS: Final = 288
"""Side in pixels of the picture that a head is drawn on before it moves."""

FRAME: Final = 224
"""Side in pixels of a replica's video."""

# Eyes, nose and mouth corners of the upright mean face on the canvas.
_TEMPLATE: Final = np.array([[122, 128], [166, 128], [144, 153], [126, 176], [162, 176]], np.float32)
_CENTRE: Final = np.array([144, 150], np.float32)

# Places of the face that a local warp moves (canvas pixels), its reach, and the largest shift in x and y.
_HANDLES: Final = np.array(
    [  # x, y, reach, dx, dy
        [122, 128, 13, 3.0, 2.0],  # eyes
        [166, 128, 13, 3.0, 2.0],
        [144, 150, 11, 0.5, 3.5],  # nose
        [144, 178, 16, 1.0, 3.0],  # mouth
        [112, 178, 20, 7.0, 1.0],  # jaw
        [176, 178, 20, 7.0, 1.0],
        [144, 206, 18, 1.0, 6.0],  # chin
        [108, 145, 16, 5.0, 1.0],  # cheeks
        [180, 145, 16, 5.0, 1.0],
        [144, 92, 24, 2.0, 6.0],  # forehead
        [122, 112, 10, 1.0, 2.5],  # brows
        [166, 112, 10, 1.0, 2.5],
    ],
    np.float32,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A head ready to be animated.

    ``texture`` is uint8 [CANVAS, CANVAS, 3] RGB, ``matte`` float32 [CANVAS, CANVAS] in [0, 1] (1 = the person),
    ``background`` uint8 [FRAME, FRAME, 3]; ``mouth`` float32 [2, 2] holds the mouth corners on the canvas, left one
    first, and ``lip_sag`` how far the lip line hangs below them, in half mouth widths.
    """

    texture: np.ndarray
    matte: np.ndarray
    background: np.ndarray
    mouth: np.ndarray
    lip_sag: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitter:
    """A photograph made ready for variation: the costly steps, done once a photograph.

    ``to_canvas`` float32 [2, 3] maps its pixels to the canvas, where ``matte`` float32 [CANVAS, CANVAS] marks the
    person; ``lip_sag`` as in :class:`Face`.
    """

    photograph: Photograph
    to_canvas: np.ndarray
    matte: np.ndarray
    lip_sag: float


def prepare(photograph: Photograph) -> Sitter:
    """Align the face, cut the person out and find the line between the lips."""
    to_canvas = _similarity(photograph.points, _TEMPLATE)
    return Sitter(
        photograph=photograph,
        to_canvas=to_canvas,
        matte=_person_matte(photograph, to_canvas),
        lip_sag=_lip_sag(photograph) if photograph.lip_sag is None else photograph.lip_sag,
    )


def make_face(sitter: Sitter, *, rng: Generator) -> Face:
    """One invented identity after ``sitter``; the same ``rng`` state gives the same face."""
    shape = _Shape.draw(rng)
    grid = np.stack(np.meshgrid(np.arange(CANVAS), np.arange(CANVAS)), -1).astype(np.float32)
    source = shape.undo(grid)
    pixels_at = _apply(cv2.invertAffineTransform(sitter.to_canvas), source)
    texture = _remap(sitter.photograph.pixels, pixels_at, cv2.INTER_CUBIC)
    mouth = shape.redo(_apply(sitter.to_canvas, sitter.photograph.points[3:]))
    return Face(
        texture=_light(_colour(texture, rng=rng), rng=rng),
        matte=_remap(sitter.matte, source, cv2.INTER_LINEAR),
        background=draw_background(width=FRAME, height=FRAME, rng=rng),
        mouth=mouth[np.argsort(mouth[:, 0])],
        lip_sag=sitter.lip_sag,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How an invented face differs in form: ``stretch`` [2], ``shifts`` [len(_HANDLES), 2] in pixels, and a mirror."""

    stretch: np.ndarray
    shifts: np.ndarray
    mirrored: bool

    @classmethod
    def draw(cls, rng: Generator) -> _Shape:
        mirrored = bool(rng.random() < 0.5)
        stretch = np.array([rng.uniform(0.93, 1.07), rng.uniform(0.95, 1.06)], np.float32)
        shifts = rng.uniform(-1, 1, (len(_HANDLES), 2)).astype(np.float32) * _HANDLES[:, 3:]
        return cls(stretch=stretch, shifts=shifts, mirrored=mirrored)

    def undo(self, points: np.ndarray) -> np.ndarray:
        """Where on the aligned photograph the ``points`` [..., 2] of the varied face are taken from."""
        flat = points.reshape(-1, 2)
        moved = np.zeros_like(flat)
        for (x, y, reach, *_), shift in zip(_HANDLES, self.shifts, strict=True):
            weight = np.exp(-np.square((flat - np.array([x, y], np.float32)) / reach).sum(1) / 2)
            moved += weight[:, None] * shift
        flat = _CENTRE + (flat - moved - _CENTRE) / self.stretch
        if self.mirrored:
            flat = np.array([2 * _CENTRE[0], 0], np.float32) + flat * np.array([-1, 1], np.float32)
        return flat.reshape(points.shape).astype(np.float32)

    def redo(self, points: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`undo` by fixed-point iteration, which the gentle warps allow."""
        flip = np.array([-1 if self.mirrored else 1, 1], np.float32)
        guess = points.copy()
        for _ in range(12):
            guess += flip * (points - self.undo(guess))
        return guess


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least-squares similarity transform [2, 3] from ``source`` to ``target`` points (Umeyama, 1991)."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    covariance = (target - target_mean).T @ (source - source_mean)
    left, singular, right = np.linalg.svd(covariance)
    sign = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(sign) @ right
    scale = (singular * sign).sum() / np.square(source - source_mean).sum()
    return np.hstack([scale * rotation, (target_mean - scale * rotation @ source_mean)[:, None]]).astype(np.float32)


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _remap(pixels: np.ndarray, places: np.ndarray, interpolation: int) -> np.ndarray:
    """``pixels`` at ``places`` (float32 [h, w, 2], x and y); beyond the edge the last pixel is repeated."""
    x, y = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
    return cv2.remap(pixels, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)


def _person_matte(photograph: Photograph, matrix: np.ndarray) -> np.ndarray:
    """Float32 [CANVAS, CANVAS]: 1 where the aligned photograph shows the person, soft at the outline (GrabCut)."""
    size = (CANVAS, CANVAS)
    aligned = cv2.warpAffine(photograph.pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    labels = np.full(size, cv2.GC_PR_BGD, np.uint8)
    x, y = (int(value) for value in _CENTRE)
    cv2.ellipse(labels, (x, y - 10), (78, 100), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.rectangle(labels, (x - 90, 235), (x + 90, CANVAS), cv2.GC_PR_FGD, -1)
    cv2.ellipse(labels, (x, y + 2), (40, 58), 0, 0, 360, cv2.GC_FGD, -1)
    cv2.rectangle(labels, (x - 24, 200), (x + 24, CANVAS), cv2.GC_FGD, -1)
    labels[:6] = cv2.GC_BGD
    # Beyond the photograph's top and sides there is nobody; below it, the last row of the body goes on.
    height, width = photograph.pixels.shape[:2]
    tall = np.full((height + CANVAS, width), 255, np.uint8)
    covered = cv2.erode(cv2.warpAffine(tall, matrix, size), np.ones((3, 3), np.uint8), borderValue=255) == 255
    labels[~covered] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(aligned, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    person = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(person)
    person = (parts == parts[y, x]).astype(np.uint8)
    solid = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)) * covered
    outline = cv2.erode(solid.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1)
    return cv2.GaussianBlur(outline.astype(np.float32), (0, 0), 1.6)


def _lip_sag(photograph: Photograph) -> float:
    """How far the line between the lips hangs below the mouth corners: the darkest parabola through both."""
    left, right = photograph.points[3:]
    across = (right - left) / 2
    down = np.array([-across[1], across[0]], np.float32)
    u = np.linspace(-0.7, 0.7, 29, dtype=np.float32)
    grey = cv2.GaussianBlur(cv2.cvtColor(photograph.pixels, cv2.COLOR_RGB2GRAY), (0, 0), 0.8)
    sags = np.linspace(-0.05, 0.3, 15)
    darkness = []
    for sag in sags:
        line = (left + right) / 2 + u[:, None] * across + (sag * (1 - u**2))[:, None] * down
        darkness.append(_remap(grey, line[None].astype(np.float32), cv2.INTER_LINEAR).mean())
    return float(sags[int(np.argmin(darkness))])


def _colour(pixels: np.ndarray, *, rng: Generator) -> np.ndarray:
    """Another complexion, and clothes of another hue below the chin."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    lightness = 255 * (lab[..., 0] / 255) ** rng.uniform(0.8, 1.45)
    chroma = (lab[..., 1:] - 128) * rng.uniform(0.65, 1.08) + rng.uniform((-2, -3), (4, 6)).astype(np.float32)
    below = np.clip((np.arange(CANVAS, dtype=np.float32) - 222) / 14, 0, 1)[:, None, None]
    angle = rng.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    clothes = chroma @ turn + rng.uniform(-14, 14, 2).astype(np.float32)
    chroma = chroma * (1 - below) + clothes * below
    lab = np.dstack([lightness, chroma + 128])
    return cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def _light(pixels: np.ndarray, *, rng: Generator) -> np.ndarray:
    """Light from one side: a gradient over the face, as if it were a cylinder's front."""
    angle, strength = rng.uniform(-np.pi, np.pi), rng.uniform(0.05, 0.28)
    y, x = np.mgrid[:CANVAS, :CANVAS].astype(np.float32)
    slope = ((x - _CENTRE[0]) * np.cos(angle) + 0.6 * (y - _CENTRE[1]) * np.sin(angle)) / 70
    gain = 1 + strength * np.tanh(slope)
    tint = 1 + rng.uniform(-0.05, 0.05, 3).astype(np.float32)
    return np.clip(pixels * gain[..., None] * tint, 0, 255).astype(np.uint8)


def draw_background(*, width: int, height: int, rng: Generator) -> np.ndarray:
    """An out-of-focus wall: a colour gradient, soft patches and upright or level bars. uint8 [height, width, 3] RGB."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height, x / width
    first, second = (rng.uniform(50, 205) + rng.uniform(-28, 28, 3).astype(np.float32) for _ in range(2))
    second = 0.6 * first + 0.4 * second
    angle = rng.uniform(-np.pi, np.pi)
    ramp = np.clip(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), 0, 1)[..., None]
    picture = first * (1 - ramp) + second * ramp
    for _ in range(int(rng.integers(2, 6))):
        colour = np.clip(first + rng.uniform(-60, 60) + rng.uniform(-15, 15, 3), 15, 240)
        a, b = sorted(rng.integers(0, FRAME, 2).tolist())
        layer = picture.copy()
        upright = rng.random() < 0.6
        a, b = (edge * (width if upright else height) // FRAME for edge in (a, b))
        bar = layer[:, a:b] if upright else layer[a:b]
        bar[:] = colour
        picture = 0.65 * picture + 0.35 * layer
    mottle = rng.uniform(-18, 18, (9, 9)).astype(np.float32)
    picture += cv2.resize(mottle, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(3, 9)) * min(width, height) / FRAME)
    return np.clip(picture, 0, 255).astype(np.uint8)
