"""A compact network that sees what neighbouring pixels differ in, not what the picture shows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError

_LEVELS = 2


class HaarResidualNet(nn.Module):
    """Residual blocks on the detail bands of a two-level Haar transform.

    Upsampling and blending leave traces in the highest frequencies, which wavelets separate (Wolter et al. 2022,
    "Wavelet-packets for deepfake image analysis and detection"). The bands of the first level enter at half the
    size, those of the second join at a quarter; the picture itself is never seen.

    Notation: b pictures, c channels, d output channels.

    Args:
        widths: channels of the stages, two or more. The last is the width of the features.
        blocks: residual blocks a stage.
        drop_rate: dropout probability on the features, in [0, 1).

    Attributes:
        mean, std: by channel, of the pixel values that are expected; the detector normalises by them.

    Raises:
        ConfigError: fewer than two widths, or a width, blocks or drop_rate out of range.
    """

    in_channels = 3
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def __init__(self, *, widths: Sequence[int] = (24, 48, 96), blocks: int = 1, drop_rate: float = 0.0):
        super().__init__()
        if len(widths) < _LEVELS or min(widths) < 1 or blocks < 1 or not 0 <= drop_rate < 1:
            raise ConfigError(
                f"widths={tuple(widths)}, blocks={blocks}, drop_rate={drop_rate} make no network.",
                where="HaarResidualNet",
                next_step="Give two or more widths, at least one block, and a drop_rate in [0, 1).",
            )
        bands = 3 * self.in_channels
        inputs = [bands, widths[0] + bands, *widths[1:-1]]
        self.register_buffer("filters", _haar_filters(self.in_channels), persistent=False)
        self.stages = nn.ModuleList(
            _Stage(entering, width, blocks=blocks, stride=1 if level < _LEVELS else 2)
            for level, (entering, width) in enumerate(zip(inputs, widths, strict=True))
        )
        self.shrink = nn.AvgPool2d(2)
        self.drop = nn.Dropout(drop_rate)
        self.out_channels = widths[-1]

    def forward(self, pictures: Tensor) -> Tensor:
        """Features [b, 1, d] of normalised ``pictures`` [b, 3, h, w], of 16 pixels a side or more."""
        smooth, details = self._transform(pictures)
        _, coarse = self._transform(smooth)
        x = self.stages[0](details)
        x = self.stages[1](torch.cat((self.shrink(x), coarse), dim=1))
        for stage in self.stages[_LEVELS:]:
            x = stage(x)
        return self.drop(x.mean(dim=(2, 3))).unsqueeze(1)

    def _transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """One level: the smooth half-size picture [b, c, h/2, w/2], and its details [b, 3 c, h/2, w/2]."""
        out = F.conv2d(x, self.filters.to(x.dtype), stride=2, groups=self.in_channels)  # type: ignore[operator]
        smooth, *details = out.unflatten(1, (self.in_channels, 4)).unbind(dim=2)
        return smooth, torch.cat(details, dim=1)


class _Stage(nn.Module):
    """A convolution to the stage's width, then residual blocks."""

    def __init__(self, entering: int, width: int, *, blocks: int, stride: int):
        super().__init__()
        self.entry = _convolution(entering, width, stride=stride)
        self.blocks = nn.ModuleList(
            nn.Sequential(_convolution(width, width), nn.ReLU(), _convolution(width, width)) for _ in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.entry(x))
        for block in self.blocks:
            x = F.relu(x + block(x))
        return x


def _convolution(entering: int, leaving: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(entering, leaving, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(leaving))


def _haar_filters(channels: int) -> Tensor:
    """Mean, and horizontal, vertical and diagonal differences of 2 x 2 pixels: [4 channels, 1, 2, 2]."""
    low, high = torch.tensor([1.0, 1.0]), torch.tensor([1.0, -1.0])
    pairs = ((low, low), (low, high), (high, low), (high, high))
    filters = torch.stack([torch.outer(rows, columns) / 2 for rows, columns in pairs])
    return filters.unsqueeze(1).repeat(channels, 1, 1, 1)
