"""Stored features to the width of the model."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.backbones.dropout import Dropout
from zoo.errors import DataError


class FeatureProjection(nn.Module):
    """Linear map, layer norm and dropout, frame by frame.

    Notation: b clips, t frames, i input channels, d output channels.

    Args:
        in_channels: width of the stored features, i.
        out_channels: width of the model, d.
        dropout: probability in [0, 1).
        center: subtract each clip's mean over its valid frames first. What does not change through the clip is gone:
            the face, the light, the room. Few identities are then not learnt by heart, and a forgery that shows in
            every single frame alike is not seen.
    """

    def __init__(self, *, in_channels: int = 512, out_channels: int, dropout: float = 0.1, center: bool = False):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.center = center
        self.linear = nn.Linear(in_channels, out_channels)
        self.norm = nn.LayerNorm(out_channels)
        self.dropout = Dropout(dropout)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Project ``features`` [b, t, i] to [b, t, d].

        Whatever stands in rows with ``mask`` [b, t] False, NaN included, is read as zeros.

        Raises:
            DataError: the features are not i wide.
        """
        if features.shape[-1] != self.in_channels:
            raise DataError(
                f"The features are {features.shape[-1]} wide; the projection takes {self.in_channels}.",
                next_step="Set in_channels of the projection to the width in the store, or extract the features again.",
            )
        hidden = ~mask.unsqueeze(-1)
        features = features.masked_fill(hidden, 0)
        if self.center:
            mean = features.sum(dim=1, keepdim=True) / mask.sum(dim=1).clamp(min=1)[:, None, None]
            features = (features - mean).masked_fill(hidden, 0)
        return self.dropout(self.norm(self.linear(features)))
