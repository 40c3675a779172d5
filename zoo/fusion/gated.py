"""Two aligned streams to one by a gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedFusion(nn.Module):
    """A gate of both streams decides, channel by channel, how much of each is kept: ``z a + (1 - z) b``.

    ``z = sigmoid(W [a; b] + c)`` (the gated multimodal unit of Arevalo et al. 2017, whose inputs are projected before).
    Where only one stream is valid, it is kept whole.

    Notation: b clips or pictures, t frames or positions (1 for pooled features), d channels.

    Args:
        channels: d, of both streams and of the result.
    """

    def __init__(self, *, channels: int):
        super().__init__()
        self.in_channels = self.out_channels = channels
        self.gate = nn.Linear(2 * channels, channels)

    def forward(self, first: Tensor, second: Tensor, first_mask: Tensor, second_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse ``first`` and ``second`` [b, t, d], valid where their masks [b, t] are True.

        Returns:
            [b, t, d] and the mask [b, t] of what at least one stream holds; rows outside it are zero.
        """
        first = first.masked_fill(~first_mask.unsqueeze(-1), 0)
        second = second.masked_fill(~second_mask.unsqueeze(-1), 0)
        share = torch.sigmoid(self.gate(torch.cat((first, second), dim=-1)))
        both = (first_mask & second_mask).unsqueeze(-1)
        share = torch.where(both, share, first_mask.unsqueeze(-1).to(share.dtype))
        return share * first + (1 - share) * second, first_mask | second_mask
