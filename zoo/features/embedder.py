"""What an embedder is: a video's pictures or its sound to one feature vector a video frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from zoo.assets import fingerprint
from zoo.structures import FaceTrack


class Embedder(ABC):
    """Base of all embedders. A constructor neither downloads nor loads anything: that happens on first use.

    ``VERSION`` counts the changes of what a class computes and is part of its fingerprint.
    """

    modality: ClassVar[str]
    dim: ClassVar[int] = 512
    VERSION: ClassVar[int] = 1

    @abstractmethod
    def arguments(self) -> Mapping[str, Any]:
        """The arguments (plain values) that decide what is computed."""

    def weights(self) -> Mapping[str, torch.Tensor]:
        """The tensors that decide what is computed; loaded if need be. None by default."""
        return {}

    def saved_arrays(self) -> Mapping[str, np.ndarray]:
        """Arrays that nobody could find again, such as a random projection; kept beside the features."""
        return {}

    def fingerprint(self) -> str:
        """SHA-256 over class, version, arguments and weights: equal fingerprints, equal feature space."""
        saved = {f"saved.{name}": torch.from_numpy(array) for name, array in self.saved_arrays().items()}
        return fingerprint(type(self), self.arguments(), {**self.weights(), **saved})


class VisualEmbedder(Embedder):
    """Pictures to vectors. The work is split so that a long video can be embedded a piece at a time."""

    modality = "visual"

    @abstractmethod
    def describe(self, frames: np.ndarray, track: FaceTrack) -> np.ndarray:
        """Rows that each depend on one frame alone.

        Args:
            frames: uint8 [t, h, w, 3], RGB, all with a face.
            track: the face, one row a frame, nothing masked.
        Returns:
            float32 [t, dim].
        """

    def standardise(self, rows: np.ndarray) -> np.ndarray:
        """What is done to all rows of a clip together; float32 [t, dim] to the same. Nothing by default."""
        return rows

    def embed(self, frames: np.ndarray, track: FaceTrack) -> np.ndarray:
        """The features of a whole clip.

        Args:
            frames: uint8 [t, h, w, 3], RGB.
            track: the face, one row a frame.
        Returns:
            float32 [t, dim]; rows where ``track.mask`` is False are 0.
        """
        out = np.zeros((len(frames), self.dim), np.float32)
        seen = np.ones(len(frames), bool) if track.mask is None else np.asarray(track.mask)
        if seen.any():
            out[seen] = self.standardise(self.describe(frames[seen], rows_of(track, seen)))
        return out


class AudioEmbedder(Embedder):
    """Sound to vectors, joined to the pictures by time."""

    modality = "audio"

    @abstractmethod
    def embed(self, samples: np.ndarray, rate: int, times: np.ndarray) -> np.ndarray:
        """The features of the sound around each of ``times``.

        Args:
            samples: float32 [n], mono.
            rate: samples a second.
            times: seconds [t] after the first sample, ascending; usually those of the video's frames.
        Returns:
            float32 [t, dim]; rows at times without sound are 0.
        """


def rows_of(track: FaceTrack, rows: np.ndarray | slice) -> FaceTrack:
    """The ``rows`` (mask, indices or slice) of a track."""
    return FaceTrack(
        times=track.times[rows],
        boxes=track.boxes[rows],
        scores=track.scores[rows],
        points=None if track.points is None else track.points[rows],
        mask=None if track.mask is None else track.mask[rows],
        sources=None if track.sources is None else track.sources[rows],
    )


def sounding(times: np.ndarray, samples: int, rate: int) -> np.ndarray:
    """bool [t]: which of ``times`` (seconds after the first sample) lie within ``samples`` of sound."""
    return (times >= 0) & (times < samples / rate)
