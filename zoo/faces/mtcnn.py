"""MTCNN (Zhang et al. 2016, arXiv:1604.02878) through facenet-pytorch, whose package carries the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch

from zoo.assets import fingerprint
from zoo.errors import MissingDependency
from zoo.faces.crop import cut_faces, shrunk_to
from zoo.faces.detections import Detections, paired_overlaps, suppress_overlaps
from zoo.faces.near import search_near

_LAST_INPUT: Final = 48  # pixels a side
_NEAR_SIZE: Final = 112  # pixels; a face is then about 45
_HELD: Final = 0.5  # overlap of a box with itself refined; below, the face has moved too far to trust the last network
_SAME: Final = 0.7  # overlap above which two boxes are one face, as between the networks


class MTCNNDetector:
    """Three cascaded networks; good down to faces of ``min_face_size`` pixels.

    Args:
        longest_side: frames are shrunk to this many pixels before detection (never enlarged); results are scaled back.
        min_face_size: the smallest face looked for, in pixels of the shrunk frame. Halving it about triples the time.
        thresholds: score thresholds of the three networks, in [0, 1].
        factor: ratio of neighbouring sizes searched.
        batch_size: frames a forward pass.
        threads: CPU threads while detecting.
        device: where the networks run.
    """

    VERSION = 1

    def __init__(
        self,
        *,
        longest_side: int = 360,
        min_face_size: int = 40,
        thresholds: tuple[float, float, float] = (0.7, 0.7, 0.7),
        factor: float = 0.709,
        batch_size: int = 16,
        threads: int = 1,
        device: str = "cpu",
    ):
        self.longest_side = longest_side
        self.min_face_size = min_face_size
        self.thresholds = tuple(thresholds)
        self.factor = factor
        self.batch_size = batch_size
        self.threads = threads
        self.device = device
        self._network: Any = None

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The faces of each of ``frames`` (uint8 [n, h, w, 3], RGB), highest score first.

        Raises:
            MissingDependency: facenet-pytorch is not installed.
        """
        found: list[Detections] = []
        with _threads(self.threads):
            for start in range(0, len(frames), self.batch_size):
                found += self._detect_batch(frames[start : start + self.batch_size])
        return found

    def detect_near(self, frames: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray) -> list[Detections]:
        """The faces around ``boxes`` (pixels, [4] or [k, 4] a frame) in each of ``frames``; see `search_near`.

        Frames in which the last network alone confirms every box (see `refine`) are not searched.
        """
        known = [np.reshape(box, (-1, 4)) for box in boxes]
        found = [self._confirm(frame, some) for frame, some in zip(frames, known, strict=True)]
        open_rows = [row for row, one in enumerate(found) if one is None]
        if open_rows:
            some = frames if len(open_rows) == len(frames) else frames[open_rows]
            near = search_near(self.detect, some, [known[row] for row in open_rows], size=_NEAR_SIZE)
            for row, one in zip(open_rows, near, strict=True):
                found[row] = one
        return [one for one in found if one is not None]

    def refine(self, frames: Sequence[np.ndarray] | np.ndarray, boxes: np.ndarray) -> Detections:
        """The last of the three networks alone, on the squares around ``boxes`` [n, 4]; one row a frame.

        It corrects boxes that overlap the face by about half, and finds the points; a score below the last threshold
        means that there is no face.
        """
        centers, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, np.maximum(boxes[:, 2:] - boxes[:, :2], 1).max(axis=1)
        cuts = cut_faces(frames, boxes, size=_LAST_INPUT, margin=1.0)
        pixels = (torch.from_numpy(cuts).permute(0, 3, 1, 2).float() - 127.5) / 128
        with _threads(self.threads), torch.inference_mode():
            batches = [self._load().onet(batch.to(self.device)) for batch in pixels.split(self.batch_size)]
        moves, marks, scores = (torch.cat(parts).cpu().numpy() for parts in zip(*batches, strict=True))
        corners = centers - sides[:, None] / 2
        squares = np.concatenate([corners, corners + sides[:, None]], axis=1)
        points = np.stack([marks[:, :5], marks[:, 5:]], axis=2)
        return Detections(
            (squares + moves * sides[:, None]).astype(np.float32),
            scores[:, 1],
            (corners[:, None] + points * sides[:, None, None]).astype(np.float32),
        )

    def fingerprint(self) -> str:
        """SHA-256 over class, arguments that matter to what is found, and the weights of the three networks."""
        names = ("longest_side", "min_face_size", "thresholds", "factor")
        return fingerprint(type(self), {name: getattr(self, name) for name in names}, self._load().state_dict())

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_network": None}  # a copy in another process loads its own

    def _confirm(self, frame: np.ndarray, boxes: np.ndarray) -> Detections | None:
        """The faces at ``boxes`` [k, 4], highest score first, or None if one of them is doubtful."""
        if not len(boxes):
            return Detections.none()
        seen = self.refine([frame] * len(boxes), boxes)
        if seen.scores.min() < self.thresholds[-1] or paired_overlaps(seen.boxes, boxes).min() < _HELD:
            return None
        return seen.select(suppress_overlaps(seen.boxes, seen.scores, max_overlap=_SAME))

    def _detect_batch(self, frames: np.ndarray) -> list[Detections]:
        height, width = frames.shape[1:3]
        if min(height, width) == 0:
            return [Detections.none() for _ in frames]
        small = shrunk_to(frames, self.longest_side)
        lines, columns = small[0].shape[:2]
        if min(lines, columns) < self.min_face_size:
            return [Detections.none() for _ in frames]
        boxes, scores, points = self._load().detect(np.stack(small), landmarks=True)
        x, y = width / columns, height / lines
        return [_detections(*one).scaled(x, y) for one in zip(boxes, scores, points, strict=True)]

    def _load(self) -> Any:
        if self._network is None:
            try:
                from facenet_pytorch import MTCNN
            except ImportError as error:
                raise MissingDependency.extra("facenet-pytorch", "faces", where="MTCNNDetector") from error
            self._network = MTCNN(
                keep_all=True,
                min_face_size=self.min_face_size,
                thresholds=list(self.thresholds),
                factor=self.factor,
                device=torch.device(self.device),
            ).eval()
        return self._network


def _detections(boxes: Any, scores: Any, points: Any) -> Detections:
    if boxes is None:
        return Detections.none()
    scores = np.asarray(scores, np.float32)
    order = np.argsort(-scores, kind="stable")
    return Detections(np.asarray(boxes, np.float32)[order], scores[order], np.asarray(points, np.float32)[order])


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
