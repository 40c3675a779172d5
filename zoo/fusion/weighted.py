"""Two aligned streams to one by two scalars."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError


class WeightedFusion(nn.Module):
    """A weighted mean of both streams, ``w a + (1 - w) b``, with one ``w`` for all channels and moments.

    Where only one stream is valid, it is kept whole.

    Notation: b clips or pictures, t frames or positions (1 for pooled features), d channels.

    Args:
        channels: d, of both streams and of the result.
        weight: w, that of the first stream, in (0, 1).
        learned: whether training moves ``w`` from there, within (0, 1).

    Raises:
        ConfigError: a weight outside its range.
    """

    def __init__(self, *, channels: int, weight: float = 0.5, learned: bool = True):
        super().__init__()
        if not 0 < weight < 1:
            raise ConfigError(f"weight must lie in (0, 1), not {weight}.", where=type(self).__name__)
        self.in_channels = self.out_channels = channels
        self.logit = nn.Parameter(torch.tensor(math.log(weight / (1 - weight))), requires_grad=learned)

    def forward(self, first: Tensor, second: Tensor, first_mask: Tensor, second_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse ``first`` and ``second`` [b, t, d], valid where their masks [b, t] are True.

        Returns:
            [b, t, d] and the mask [b, t] of what at least one stream holds; rows outside it are zero.
        """
        first = first.masked_fill(~first_mask.unsqueeze(-1), 0)
        second = second.masked_fill(~second_mask.unsqueeze(-1), 0)
        share = torch.where(first_mask & second_mask, self.logit.sigmoid(), first_mask.to(self.logit.dtype))
        share = share.unsqueeze(-1).to(first.dtype)
        return share * first + (1 - share) * second, first_mask | second_mask
