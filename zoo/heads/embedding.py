"""Features to unit vectors in which audio and picture are compared."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from zoo.heads.pooling import masked_mean


class EmbeddingHead(nn.Module):
    """A small net to a unit vector, of a clip's mean features or frame by frame.

    One head serves both modalities, so that both end in one space.

    Notation: b clips, t frames, d channels, e embedding channels.

    Args:
        in_channels: d.
        hidden_channels: inner width of the net; d if None.
        out_channels: e.
    """

    def __init__(self, *, in_channels: int, hidden_channels: int | None = None, out_channels: int = 256):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        hidden_channels = hidden_channels or in_channels
        self.net = nn.Sequential(
            nn.Linear(in_channels, hidden_channels), nn.GELU(), nn.Linear(hidden_channels, out_channels)
        )

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors [b, e] of the mean over the frames of ``features`` [b, t, d] where ``mask`` [b, t] is True."""
        return self.frames(masked_mean(features, mask))

    def frames(self, features: Tensor) -> Tensor:
        """Unit vectors [b, t, e] of the frames of ``features`` [b, t, d]; float32 whatever the autocast."""
        return F.normalize(self.net(features).float(), dim=-1)
