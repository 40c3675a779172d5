"""A backbone that looks at frequencies in place of colours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError


class FrequencyBackbone(nn.Module):
    """A transform of the pixels, standardised channel by channel, and any image backbone on it.

    The transform is computed in float32 whatever the autocast: residuals and spectra are small differences of large
    numbers. Its channels are standardised by the batch (in evaluation by running statistics), which is what a
    backbone that was trained on photographs expects.

    Notation: b pictures, n positions, d channels.

    Args:
        transform: pixels [b, 3, h, w] in [0, 1] to [b, c, h', w'].
        backbone: [b, c, h', w'] to features [b, n, d].

    Attributes:
        mean, std: 0 and 1: the transform takes pixel values as they are.

    Raises:
        ConfigError: the transform's channels are not those that the backbone takes.
    """

    def __init__(self, *, transform: Any, backbone: Any):
        super().__init__()
        if transform.out_channels != backbone.in_channels:
            raise ConfigError(
                f"The transform gives {transform.out_channels} channels, the backbone takes {backbone.in_channels}.",
                where="FrequencyBackbone",
                next_step=f"Set in_channels={transform.out_channels} of the backbone.",
            )
        self.in_channels = transform.in_channels
        self.out_channels = backbone.out_channels
        self.mean = (0.0,) * self.in_channels
        self.std = (1.0,) * self.in_channels
        self.transform = transform
        self.standardise = nn.BatchNorm2d(transform.out_channels, affine=False)
        self.backbone = backbone

    def forward(self, pictures: Tensor) -> Tensor:
        """Features [b, n, d] of ``pictures`` [b, 3, h, w], pixel values in [0, 1]."""
        with torch.autocast(pictures.device.type, enabled=False):
            spectrum = self.standardise(self.transform(pictures.float()))
        if pictures.is_contiguous(memory_format=torch.channels_last):
            spectrum = spectrum.contiguous(memory_format=torch.channels_last)
        return self.backbone(spectrum)
