"""Pooling over the valid frames of a clip.

Notation: b clips, t frames, d channels. Masks [b, t] are True where a frame is valid; a clip without any gives zeros.
"""

from __future__ import annotations

from torch import Tensor


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``x`` [b, t, d] over valid frames; returns [b, d]."""
    total = x.masked_fill(~mask.unsqueeze(-1), 0).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1).to(total.dtype)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """Maximum of ``x`` [b, t, d] over valid frames, channel by channel; returns [b, d]."""
    highest = x.masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(dim=1)
    return highest.masked_fill(~mask.any(dim=1, keepdim=True), 0)


def mean_max(x: Tensor, mask: Tensor) -> Tensor:
    """`masked_mean` plus `masked_max`: what most frames say, and what the loudest says; returns [b, d]."""
    return masked_mean(x, mask) + masked_max(x, mask)
