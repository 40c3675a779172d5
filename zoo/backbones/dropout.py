"""Dropout that costs a CPU little."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError

_LEVELS = 1 << 16


class Dropout(nn.Module):
    """Zeroes each value with a probability and scales the others up, in training only.

    `torch.nn.Dropout` draws a float a value on a CPU and keeps it for the backward pass; here 16 random bits and a
    kept byte do, at a third of the time. Other devices use PyTorch's fused kernel. The probability is rounded to a
    multiple of 2^-16, and the scale belongs to the rounded one.

    Args:
        probability: in [0, 1).

    Raises:
        ConfigError: a probability outside its range.
    """

    def __init__(self, probability: float):
        super().__init__()
        if not 0 <= probability < 1:
            raise ConfigError(f"A dropout probability must lie in [0, 1), not {probability}.", where="dropout")
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of any shape, with values dropped."""
        if not self.training or self.probability == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.probability)
        dropped = round(self.probability * _LEVELS)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
        keep = words.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - _LEVELS // 2
        return (x * keep).mul_(_LEVELS / (_LEVELS - dropped))

    def extra_repr(self) -> str:
        return f"probability={self.probability}"
