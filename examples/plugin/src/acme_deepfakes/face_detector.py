"""A face detector of the time before networks, for machines that have none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.assets import fingerprint
from zoo.errors import MissingDependency
from zoo.faces.crop import shrunk_to
from zoo.faces.detections import Detections
from zoo.faces.near import search_near


class LBPCascadeDetector:
    """A boosted cascade of local binary patterns (Liao et al. 2007, as trained for OpenCV), through scikit-image.

    It finds upright frontal faces and gives boxes without points, every one with a score of 1. Its file of 52 kB is
    in scikit-image.

    Args:
        longest_side: frames are shrunk to this many pixels before the search; results are scaled back.
        min_face: side in pixels, of the shrunk frame, of the smallest face.
        scale_step: factor between the sizes that are searched, above 1.
        min_neighbours: overlapping hits that make a face; more means fewer false ones.
    """

    VERSION = 1

    def __init__(
        self, *, longest_side: int = 480, min_face: int = 40, scale_step: float = 1.2, min_neighbours: int = 6
    ):
        self.longest_side = longest_side
        self.min_face = min_face
        self.scale_step = scale_step
        self.min_neighbours = min_neighbours
        self._cascade: Any = None

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The faces of each of ``frames`` (uint8 [n, h, w, 3], RGB), the largest first.

        Raises:
            MissingDependency: scikit-image is absent.
        """
        return [self._search(frame) for frame in frames]

    def detect_near(self, frames: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray) -> list[Detections]:
        """The faces around ``boxes`` (pixels, [4] or [k, 4] a frame) in each of ``frames``; see `search_near`."""
        return search_near(self.detect, frames, boxes, size=3 * self.min_face)

    def fingerprint(self) -> str:
        """SHA-256 over class, arguments and the cascade's file."""
        names = ("longest_side", "min_face", "scale_step", "min_neighbours")
        digest = hashlib.sha256(_cascade_file().read_bytes()).hexdigest()
        return fingerprint(type(self), {name: getattr(self, name) for name in names} | {"cascade": digest})

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_cascade": None}  # a copy in another process loads its own

    def _search(self, frame: np.ndarray) -> Detections:
        height, width = frame.shape[:2]
        if min(height, width) < self.min_face:
            return Detections.none()
        small = shrunk_to(frame[None], self.longest_side)[0]
        rows, columns = small.shape[:2]
        if min(rows, columns) < self.min_face:
            return Detections.none()
        hits = self._load().detect_multi_scale(
            np.ascontiguousarray(small),
            scale_factor=self.scale_step,
            step_ratio=1,
            min_size=(self.min_face, self.min_face),
            max_size=(rows, columns),
            min_neighbor_number=self.min_neighbours,
        )
        hits = sorted(hits, key=lambda hit: (-hit["width"], hit["r"], hit["c"]))
        if not hits:
            return Detections.none()
        boxes = np.array([[h["c"], h["r"], h["c"] + h["width"], h["r"] + h["height"]] for h in hits], np.float32)
        unknown = np.full((len(hits), 5, 2), np.nan, np.float32)
        found = Detections(boxes, np.ones(len(hits), np.float32), unknown)
        return found.scaled(width / columns, height / rows)

    def _load(self) -> Any:
        if self._cascade is None:
            from skimage.feature import Cascade

            self._cascade = Cascade(str(_cascade_file()))
        return self._cascade


def _cascade_file() -> Path:
    try:
        from skimage import data
    except ImportError as error:
        raise MissingDependency(
            "scikit-image is not installed.", where="LBPCascadeDetector", next_step="Run: pip install scikit-image"
        ) from error
    return Path(data.lbp_frontal_face_cascade_filename())
