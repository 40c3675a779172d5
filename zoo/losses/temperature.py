"""The temperature of a contrastive loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError

_COLDEST = 0.01  # below it, one pair decides the gradient of the whole batch (CLIP, Radford et al. 2021, section 2.5)


class Temperature(nn.Module):
    """A positive number that divides similarities, fixed or learnt as its logarithm.

    Args:
        initial: the value, or where learning starts.
        learnable: learn it; it stays at least 0.01.
    """

    def __init__(self, initial: float, *, learnable: bool):
        super().__init__()
        if initial <= 0:
            raise ConfigError(f"temperature must be positive, not {initial}.", where="temperature")
        logarithm = torch.tensor(math.log(initial))
        if learnable:
            self.logarithm = nn.Parameter(logarithm)
        else:
            self.register_buffer("logarithm", logarithm, persistent=False)
        self.learnable = learnable

    def forward(self) -> Tensor:
        """The temperature, a scalar."""
        value = self.logarithm.exp()
        return value.clamp(min=_COLDEST) if self.learnable else value
