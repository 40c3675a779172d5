"""A small localizing checkpoint, videos with a face that a stub detector finds, and the command on them."""

from __future__ import annotations

import av
import cv2
import infer_helpers
import numpy as np

from zoo.cli.localize import main
from zoo.faces.detections import Detections
from zoo.features.extractor import Extractor
from zoo.features.log_mel import LogMel
from zoo.features.mouth import MouthPixels

RATE, FPS = 16_000, 12


class BrightFace:
    """A face detector: the face is where it is bright."""

    def detect(self, frames):
        return [self._one(frame) for frame in frames]

    def fingerprint(self):
        return "bright"

    def _one(self, frame):
        rows, columns = np.nonzero(frame[..., 1] > 128)
        if len(rows) < 50:
            return Detections.none()
        box = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
        shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
        return Detections(box[None], np.ones(1, np.float32), (box[:2] + box[2:] * shares - box[:2] * shares)[None])


def make_extractor(**options):
    return Extractor(visual=MouthPixels(), audio=LogMel(), face_detector=BrightFace(), **options)


def pictures(seconds, *, face=lambda t: True, size=64):
    """A bright square with a dark mouth that opens twice a second."""
    frames = np.full((round(seconds * FPS), size, size, 3), 20, np.uint8)
    for index, frame in enumerate(frames):
        if face(index / FPS):
            cv2.rectangle(frame, (16, 12), (48, 52), (200, 200, 200), -1)
            opening = 2 + round(3 * (1 + np.sin(4 * np.pi * index / FPS)))
            cv2.rectangle(frame, (27, 40), (37, 40 + opening), (60, 60, 60), -1)
    return frames


def noise(seconds):
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


def write_sound(path, seconds=2):
    """A file without pictures."""
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(noise(seconds)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def write_checkpoint(path, *, head="LocalizationHead", provenance=None, seed=0):
    model = {
        "type": "CrossModalTransformer",
        "visual_projection": {"type": "FeatureProjection", "in_channels": 512, "out_channels": 8},
        "audio_projection": {"type": "FeatureProjection", "in_channels": 512, "out_channels": 8},
        "fusion": {"type": "CrossAttentionFusion", "channels": 8, "num_heads": 2, "direction": "bidirectional"},
        "temporal": {"type": "TemporalTransformer", "channels": 8, "num_layers": 1, "num_heads": 2},
        "head": {"type": head, "in_channels": 8},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    }
    told = {"kind": "feature_store", "fingerprint": make_extractor(rate_hz=float(FPS)).fingerprint()}
    return infer_helpers.write_checkpoint(
        path, provenance=told if provenance is None else provenance, model=model, seed=seed
    )


def localize(checkpoint, data, output, *more):
    """The exit code of the command, in this process."""
    arguments = ["--checkpoint", checkpoint, "--input", data, "--output", output, "--num-workers", 0, "--window", 32]
    return main([str(value) for value in (*arguments, *more)])
