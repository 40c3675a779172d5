"""The photographs that a replica's faces are varied from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from zoo.errors import DataError, MissingDependency

SUFFIXES: Final = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_LARGEST_SIDE: Final = 640
_MOST_TURNED: Final = 0.22

# Left eye, right eye, nose, left and right mouth corner in the 512 x 512 picture, as MTCNN sees them.
_ASTRONAUT_POINTS: Final = ((205.0, 101.7), (246.8, 103.7), (224.7, 129.0), (203.0, 139.6), (244.5, 141.9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A face: ``pixels`` uint8 [h, w, 3] RGB and ``points`` float32 [5, 2] in pixels (eyes, nose, mouth corners).

    ``lip_sag`` is how far the line where the lips part hangs below the mouth corners, in half mouth widths; it is
    looked for in the picture when None.
    """

    name: str
    pixels: np.ndarray
    points: np.ndarray
    lip_sag: float | None = None


def astronaut() -> Photograph:
    """scikit-image's portrait of Eileen Collins (NASA, public domain).

    Raises:
        MissingDependency: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError:
        raise MissingDependency.extra("scikit-image", "replica") from None
    return Photograph(
        name="astronaut", pixels=data.astronaut(), points=np.array(_ASTRONAUT_POINTS, np.float32), lip_sag=0.36
    )


def read_photographs(folder: Path) -> tuple[list[Photograph], list[str]]:
    """The pictures below ``folder`` with exactly one clear, frontal face, and why each of the others was left out.

    Raises:
        DataError: there is no such folder, or none of its pictures can be used.
        MissingDependency: facenet-pytorch, which finds the faces, is not installed.
    """
    folder = Path(folder)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise DataError(
            "No photographs found." if folder.is_dir() else "The folder of photographs does not exist.",
            where=folder,
            next_step=f"Give a folder with pictures ({', '.join(SUFFIXES)}), or leave --photos out.",
        )
    from zoo.faces.mtcnn import MTCNNDetector  # with it comes torch, which the drawing processes do without

    detector = MTCNNDetector()
    photographs, left_out = [], []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            left_out.append(f"{name}: not a readable picture")
            continue
        pixels = _at_most(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), _LARGEST_SIDE)
        found = detector.detect(pixels[None])[0]
        clear = found.points[found.scores > 0.95]
        if len(clear) != 1:
            left_out.append(f"{name}: {len(clear)} clear faces" if len(clear) else f"{name}: no clear face")
        elif _turn(clear[0]) > _MOST_TURNED:
            left_out.append(f"{name}: the face is turned aside")
        else:
            photographs.append(Photograph(name=name, pixels=pixels, points=clear[0].astype(np.float32)))
    if not photographs:
        raise DataError(
            f"None of the {len(paths)} photographs shows exactly one clear, frontal face.",
            where=folder,
            next_step="Give frontal portraits of one person each.",
        )
    return photographs, left_out


def _turn(points: np.ndarray) -> float:
    """How far the nose lies beside the middle of the eyes, in distances between the eyes."""
    across = points[1] - points[0]
    return abs(float((points[2] - points[:2].mean(0)) @ across / (across @ across)))


def _at_most(pixels: np.ndarray, side: int) -> np.ndarray:
    factor = side / max(pixels.shape[:2])
    return pixels if factor >= 1 else cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
