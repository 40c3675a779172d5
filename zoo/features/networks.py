"""What embedders that run a neural network share: loading on first use, batches, and projection to 512."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.assets import load_weights
from zoo.errors import CheckpointError
from zoo.faces.crop import cut_faces
from zoo.features.embedder import Embedder, VisualEmbedder
from zoo.features.projection import random_projection
from zoo.structures import FaceTrack


class NetworkEmbedder(Embedder):
    """A network and, where its width is not 512, a random projection that is saved with the features.

    Args:
        seed: of the projection, and of a network without trained weights.
        device: where the network runs.
    """

    def __init__(self, *, seed: int, device: str):
        self.seed = seed
        self.device = device
        self._network: nn.Module | None = None

    @property
    @abstractmethod
    def width(self) -> int:
        """Of the network's own output."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The network with its weights, on the CPU."""

    @property
    def network(self) -> Any:
        """The network (an ``nn.Module`` with its library's own attributes), loaded on first use."""
        if self._network is None:
            with seeded(self.seed):
                self._network = self.build().eval().requires_grad_(False).to(self.device)
        return self._network

    def weights(self) -> Mapping[str, torch.Tensor]:
        return self.network.state_dict()

    def saved_arrays(self) -> Mapping[str, np.ndarray]:
        if self.width == self.dim:
            return {}
        return {f"{self.modality}_projection": random_projection(self.width, dim=self.dim, seed=self.seed)}

    def project(self, rows: np.ndarray) -> np.ndarray:
        """float32 [t, width] to [t, dim]."""
        for matrix in self.saved_arrays().values():
            rows = rows @ matrix
        return rows

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_network": None}  # a copy in another process loads its own


class FaceNetworkEmbedder(NetworkEmbedder, VisualEmbedder):
    """A network that sees square face cuts, a batch at a time.

    Args:
        size: side of the cuts in pixels.
        margin: side of the cut as a multiple of the face box's longer side.
        batch_size: cuts a forward pass.
    """

    def __init__(self, *, size: int, margin: float, batch_size: int, seed: int, device: str):
        super().__init__(seed=seed, device=device)
        self.size = size
        self.margin = margin
        self.batch_size = batch_size

    @abstractmethod
    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels [b, 3, size, size] in [0, 255] to what the network expects."""

    def describe(self, frames: np.ndarray, track: FaceTrack) -> np.ndarray:
        boxes = np.asarray(track.boxes)
        out = np.empty((len(frames), self.width), np.float32)
        for start in range(0, len(frames), self.batch_size):
            rows = slice(start, start + self.batch_size)
            cuts = torch.from_numpy(cut_faces(frames[rows], boxes[rows], size=self.size, margin=self.margin))
            pixels = cuts.to(self.device).permute(0, 3, 1, 2).float()
            with torch.inference_mode():
                out[rows] = self.network(self.normalise(pixels)).float().cpu().numpy()
        return self.project(out)


def load_into(network: nn.Module, path: str, *, ignore: tuple[str, ...] = ()) -> nn.Module:
    """``network`` with the weights of the file at ``path``; keys that begin with one of ``ignore`` are left out.

    Raises:
        CheckpointError: the file cannot be read, or its weights are not those of this network.
    """
    state = {key: value for key, value in load_weights(path).items() if not key.startswith(ignore or "\0")}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights do not fit {type(network).__name__}: {' '.join(str(error).split())[:300]}", where=path
        ) from error
    return network


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random initialisation from ``seed``; the global state is as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
