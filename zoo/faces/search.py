"""Searching the faces of a video's frames, near where they were last seen wherever that is enough."""

from __future__ import annotations

from typing import Final

import numpy as np

from zoo.faces.detections import Detections, FaceDetector, NearDetector, box_overlaps

_SURE: Final = 0.8  # score from which a face found nearby needs no second look
_SAME: Final = 0.2  # overlap with the last box from which what is found nearby is taken for the same face


class FaceSearch:
    """Asks a detector about frame after frame of one video.

    Where the last frame showed a single face, only its surroundings are searched, and every ``refresh``-th frame as a
    whole, so that somebody new is noticed. When nothing certain is found nearby, the whole frame is searched.

    Args:
        detector: finds faces.
        refresh: frames from one whole search to the next; 1 searches every frame as a whole.
    """

    def __init__(self, detector: FaceDetector, *, refresh: int = 8):
        self.detector = detector
        self.refresh = refresh if isinstance(detector, NearDetector) else 1
        self._last: np.ndarray | None = None
        self._since = 0

    def see(self, frames: np.ndarray) -> list[Detections]:
        """The faces of the next ``frames`` (uint8 [n, h, w, 3], RGB), highest score first."""
        if self.refresh <= 1:
            return self.detector.detect(frames)
        return [self._look(frames[index : index + 1]) for index in range(len(frames))]

    def _look(self, frame: np.ndarray) -> Detections:
        found = None
        if self._last is not None and self._since < self.refresh - 1:
            found = self._near(frame)
            self._since += 1
        if found is None:
            found = self.detector.detect(frame)[0]
            self._since = 0
        self._last = found.boxes[0] if len(found) == 1 else None
        return found

    def _near(self, frame: np.ndarray) -> Detections | None:
        """The one face near the last box; None where that is not certain."""
        assert self._last is not None and isinstance(self.detector, NearDetector)
        found = self.detector.detect_near(frame, self._last[None])[0]
        if len(found) != 1 or found.scores[0] < _SURE:
            return None
        return found if box_overlaps(found.boxes, self._last[None])[0, 0] >= _SAME else None
