"""Features along time to one fake logit."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.backbones.dropout import Dropout
from zoo.heads.pooling import mean_max


class ClassificationHead(nn.Module):
    """Mean plus max over time, then a small net to one logit; positive means fake.

    Notation: b clips, t frames, d channels.

    Args:
        in_channels: d.
        hidden_channels: inner width of the net; d / 2 if None.
        dropout: probability in [0, 1).
    """

    def __init__(self, *, in_channels: int, hidden_channels: int | None = None, dropout: float = 0.1):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = 1
        hidden_channels = hidden_channels or in_channels // 2
        self.net = nn.Sequential(
            nn.Linear(in_channels, hidden_channels), nn.GELU(), Dropout(dropout), nn.Linear(hidden_channels, 1)
        )

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """The fake logits [b] of clips ``features`` [b, t, d], over the frames where ``mask`` [b, t] is True."""
        return self.net(mean_max(features, mask)).squeeze(-1)

    def frames(self, features: Tensor) -> Tensor:
        """The fake logit of each frame [b, t]: what the head would say of a clip that holds this frame's features only.

        Mean and maximum over one frame are the frame itself.
        """
        return self.net(2 * features).squeeze(-1)
