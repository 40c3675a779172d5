"""Pictures as detectors take them: pixels of a batch to what a backbone wants, and its features as a stream."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.detectors.base import Inputs
from zoo.detectors.parts import ImageEncoder, Loss
from zoo.errors import ConfigError, DataError


class PixelNormalisation(nn.Module):
    """Pixel values in [0, 255] to ``(x / 255 - mean) / std``, channel by channel, as float32.

    The memory format stays, and the result lies where the pixels lie.

    Args:
        backbone: ``mean`` and ``std`` are its own.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, backbone: ImageEncoder):
        super().__init__()
        mean, std = torch.tensor(backbone.mean), torch.tensor(backbone.std)
        self.register_buffer("scale", (1 / (255 * std)).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("shift", (-mean / std).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """``pixels`` [b, c, h, w], uint8 or floating, in [0, 255].

        Raises:
            DataError: another number of channels or of dimensions.
        """
        if pixels.ndim != 4 or pixels.shape[1] != self.scale.shape[1]:
            raise DataError(
                f"A batch of pictures is [b, {self.scale.shape[1]}, h, w], not {list(pixels.shape)}.",
                where="inputs['image']",
            )
        return torch.addcmul(self.shift, pixels.float(), self.scale)


def stream_of(inputs: Inputs, normalise: nn.Module, backbone: Any) -> tuple[Tensor, Tensor]:
    """What ``backbone`` sees in ``inputs["image"]``, [b, n, d], and the mask [b, n] that heads and fusions want."""
    features = backbone(normalise(inputs["image"]))
    return features, torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)


def require_logit_loss(owner: nn.Module, loss: Loss) -> None:
    """Raise `ConfigError` where ``loss`` reads more than the fake logit: pictures have no sound to compare with."""
    if loss.uses != {"fake_logit"}:
        raise ConfigError(
            f"A detector of pictures has no {sorted(loss.uses - {'fake_logit'})}.",
            where=type(owner).__name__,
            next_step="Leave InfoNCE losses out.",
        )
