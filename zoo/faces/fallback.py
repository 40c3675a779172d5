"""A chain of face detectors: each is asked about the pictures in which those before it found nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from zoo.assets import fingerprint
from zoo.errors import ConfigError
from zoo.faces.detections import Detections, FaceDetector, NearDetector
from zoo.faces.near import search_near

_NEAR_SIZE: Final = 192  # pixels of a cut, for detectors that have no near search of their own


class FallbackDetector:
    """Asks its detectors in turn; `Detections.sources` names the one that answered.

    A detector that cannot be loaded is an error and never passed over: the faces of a corpus should not depend on
    what is installed.

    Args:
        detectors: at least one, the preferred first.
        min_score: a face with a lower score is not counted as found, whoever finds it; in [0, 1].
    """

    VERSION = 1

    def __init__(self, *, detectors: Sequence[FaceDetector], min_score: float = 0.0):
        if not detectors:
            raise ConfigError("A FallbackDetector needs detectors.", next_step="Give detectors=[first, second].")
        self.detectors = tuple(detectors)
        self.min_score = min_score
        self.names = _distinct([type(detector).__name__ for detector in detectors])

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The faces of each of ``frames`` (uint8 [n, h, w, 3], RGB), highest score first.

        Raises:
            MissingDependency: the package or the weights of a detector that is asked are absent.
        """
        return self._chain(len(frames), lambda detector, rows: detector.detect(_rows(frames, rows)))

    def detect_near(self, frames: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray) -> list[Detections]:
        """The faces around ``boxes`` (pixels, [4] or [k, 4] a frame) in each of ``frames``; see `search_near`."""

        def ask(detector: FaceDetector, rows: list[int]) -> list[Detections]:
            some, around = _rows(frames, rows), [boxes[row] for row in rows]
            if isinstance(detector, NearDetector):
                return detector.detect_near(some, around)
            return search_near(detector.detect, some, around, size=_NEAR_SIZE)

        return self._chain(len(frames), ask)

    def fingerprint(self) -> str:
        """SHA-256 over class, arguments and the fingerprints of the detectors, in their order."""
        parts = [f"{name} {part.fingerprint()}" for name, part in zip(self.names, self.detectors, strict=True)]
        return fingerprint(type(self), {"min_score": self.min_score, "detectors": parts})

    def _chain(self, count: int, ask: Callable[[FaceDetector, list[int]], list[Detections]]) -> list[Detections]:
        answers = [Detections.none() for _ in range(count)]
        open_rows = list(range(count))
        for name, detector in zip(self.names, self.detectors, strict=True):
            if not open_rows:
                break
            for row, found in zip(open_rows, ask(detector, open_rows), strict=True):
                kept = found.select(found.scores >= self.min_score)
                answers[row] = Detections(kept.boxes, kept.scores, kept.points, kept.sources or (name,) * len(kept))
            open_rows = [row for row in open_rows if not len(answers[row])]
        return answers


def _rows(frames: np.ndarray, rows: list[int]) -> np.ndarray:
    return frames if len(rows) == len(frames) else frames[rows]


def _distinct(names: list[str]) -> tuple[str, ...]:
    """``names`` with a number behind those that occur more than once: ``A``, ``B 1``, ``B 2``."""
    total, seen = Counter(names), Counter[str]()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if total[name] == 1 else f"{name} {seen[name]}")
    return tuple(out)
