"""Two aligned streams to one, side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.backbones.dropout import Dropout


class ConcatFusion(nn.Module):
    """Both streams next to each other, mapped to one width: linear, layer norm, GELU, dropout.

    Notation: b clips or pictures, t frames or positions (1 for pooled features), i input channels, d output channels.

    Args:
        in_channels: i, of either stream.
        out_channels: d; i if None.
        dropout: probability in [0, 1).
    """

    def __init__(self, *, in_channels: int, out_channels: int | None = None, dropout: float = 0.1):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels or in_channels
        self.net = nn.Sequential(
            nn.Linear(2 * in_channels, self.out_channels),
            nn.LayerNorm(self.out_channels),
            nn.GELU(),
            Dropout(dropout),
        )

    def forward(self, first: Tensor, second: Tensor, first_mask: Tensor, second_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse ``first`` and ``second`` [b, t, i], read as zeros where their masks [b, t] are False.

        Returns:
            [b, t, d] and the mask [b, t] of what at least one stream holds; rows outside it are zero.
        """
        first = first.masked_fill(~first_mask.unsqueeze(-1), 0)
        second = second.masked_fill(~second_mask.unsqueeze(-1), 0)
        mask = first_mask | second_mask
        return self.net(torch.cat((first, second), dim=-1)).masked_fill(~mask.unsqueeze(-1), 0), mask
