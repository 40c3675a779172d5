"""Colours to luma."""

from __future__ import annotations

from torch import Tensor

_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JPEG has it


def luma(pixels: Tensor) -> Tensor:
    """The luma [b, 1, h, w] of RGB ``pixels`` [b, 3, h, w], in their range."""
    return (pixels * pixels.new_tensor(_WEIGHTS).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
