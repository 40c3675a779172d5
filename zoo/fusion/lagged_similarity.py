"""How alike picture and sound are, frame by frame and lag by lag."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError


class LaggedSimilarity(nn.Module):
    """The scalar products of each frame's picture with the sound around it, mapped to the width of the model.

    What is in time has its peak at lag 0 in every clip, whoever speaks: a feature that does not know the speaker and
    that shows an offset of a frame. (The sliding window of SyncNet, Chung and Zisserman 2016, within the network.)

    Notation: b clips, t frames, e embedding channels, d channels, l = 2 max_lag + 1 lags.

    Args:
        in_channels: e.
        out_channels: d.
        max_lag: the farthest lag, in frames, both ways.

    Raises:
        ConfigError: a negative lag.
    """

    def __init__(self, *, in_channels: int, out_channels: int, max_lag: int = 8):
        super().__init__()
        if max_lag < 0:
            raise ConfigError(f"max_lag must not be negative, not {max_lag}.", where=type(self).__name__)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.max_lag = max_lag
        self.linear = nn.Linear(2 * max_lag + 1, out_channels)

    def forward(self, visual: Tensor, audio: Tensor, visual_mask: Tensor, audio_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compare ``visual`` and ``audio`` [b, t, e], unit vectors where their masks [b, t] are True.

        Returns:
            [b, t, d] and the mask [b, t] of the frames that hold both; a lag that meets no valid sound counts as
            similarity 0, and rows outside the mask are zero.
        """
        audio = audio.masked_fill(~audio_mask.unsqueeze(-1), 0)
        frames = torch.arange(visual.shape[1], device=visual.device)
        lags = torch.arange(-self.max_lag, self.max_lag + 1, device=visual.device)
        other = frames.unsqueeze(1) + lags  # [t, l]: the sound's frame that each lag means
        outside = (other < 0) | (other >= len(frames))
        band = other.clamp(0, max(len(frames) - 1, 0)).expand(len(visual), -1, -1)
        similarity = (visual @ audio.transpose(1, 2)).gather(2, band).masked_fill(outside, 0)
        mask = visual_mask & audio_mask
        return self.linear(similarity).masked_fill(~mask.unsqueeze(-1), 0), mask
