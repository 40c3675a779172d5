"""Where a frame stands in its clip, told to a transformer.

Notation: b clips, h heads, t frames, d channels (of a head where h is given).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_BASE = 10_000.0


def sinusoidal_positions(length: int, channels: int, *, like: Tensor) -> Tensor:
    """The table [t, d] of Vaswani et al. 2017, section 3.5: sines in the first half of d, cosines in the second.

    ``like`` gives device and dtype; ``channels`` is even.
    """
    angles = _angles(length, channels, like)
    return torch.cat((angles.sin(), angles.cos()), dim=-1).to(like.dtype)


def rotate(heads: Tensor) -> Tensor:
    """Turn queries or keys [b, h, t, d] by angles that grow with t (RoFormer, Su et al. 2021, equation 34).

    The scalar product of two rotated rows depends on their distance in time only; d is even.
    """
    angles = _angles(heads.shape[-2], heads.shape[-1], heads)
    return _Rotate.apply(heads, angles.cos().to(heads.dtype), angles.sin().to(heads.dtype))


class _Rotate(torch.autograd.Function):
    """A rotation's gradient is the gradient turned back, so that nothing of the input has to be kept."""

    @staticmethod
    def forward(ctx: Any, heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        first, second = heads.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _Rotate.apply(gradient, cos, -sin), None, None


def _angles(length: int, channels: int, like: Tensor) -> Tensor:
    """[t, d / 2] in radians, float32: bfloat16 cannot tell frame 256 from 257."""
    half = torch.arange(channels // 2, device=like.device, dtype=torch.float32)
    times = torch.arange(length, device=like.device, dtype=torch.float32)
    return torch.outer(times, torch.exp(half * (-math.log(_BASE) / (channels // 2))))
