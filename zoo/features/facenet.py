"""FaceNet (Schroff et al. 2015, arXiv:1503.03832) embeddings through facenet-pytorch's InceptionResnetV1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import nn

from zoo.assets import Asset, Download, require
from zoo.errors import MissingDependency
from zoo.features.networks import FaceNetworkEmbedder, load_into

_RELEASE: Final = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"
WEIGHTS: Final[Mapping[str, Asset]] = MappingProxyType(
    {
        "vggface2": Download(
            name="20180402-114759-vggface2.pt", url=f"{_RELEASE}/20180402-114759-vggface2.pt", licence="MIT"
        ),
        "casia-webface": Download(
            name="20180408-102900-casia-webface.pt", url=f"{_RELEASE}/20180408-102900-casia-webface.pt", licence="MIT"
        ),
    }
)
"""The publisher gives no SHA-256, so these are read where the user has placed them and never fetched."""


class FaceNetEmbedder(FaceNetworkEmbedder):
    """Identity embeddings of unit length, 512 a frame.

    Args:
        weights: ``vggface2`` or ``casia-webface`` (files of these trainings in the cache folder), or a file's path.
        margin: side of the cut as a multiple of the face box's longer side.
        batch_size: cuts a forward pass.
        device: where the network runs.
    """

    width = 512

    def __init__(self, *, weights: str = "vggface2", margin: float = 1.1, batch_size: int = 32, device: str = "cpu"):
        super().__init__(size=160, margin=margin, batch_size=batch_size, seed=0, device=device)
        self.weights_path = weights

    def arguments(self) -> Mapping[str, Any]:
        return {"margin": self.margin}

    def build(self) -> nn.Module:
        """The network with its weights.

        Raises:
            MissingDependency: facenet-pytorch or the weights are absent; the error names the file to place.
            CheckpointError: the weights are another network's.
        """
        try:
            from facenet_pytorch import InceptionResnetV1
        except ImportError as error:
            raise MissingDependency.extra("facenet-pytorch", "faces", where="FaceNetEmbedder") from error
        path = require(WEIGHTS[self.weights_path]) if self.weights_path in WEIGHTS else Path(self.weights_path)
        return load_into(InceptionResnetV1(), str(path), ignore=("logits.",))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        return (pixels - 127.5) / 128.0
