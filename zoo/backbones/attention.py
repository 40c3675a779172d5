"""Attention over time with padding masks, through the fused kernels of PyTorch.

Notation: b clips, q query frames, k key frames, n and m valid frames of all clips, h heads, d channels. Masks are True
where a frame is valid. The weights are never returned: asking for them forbids the fused kernels. Dropout inside the
attention is 0 unless asked for, because PyTorch's fused kernel for CPUs does not have it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from zoo.backbones.packing import Packing
from zoo.backbones.positions import rotate
from zoo.errors import ConfigError


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    num_heads: int,
    key_mask: Tensor,
    dropout: float = 0.0,
    rotary: bool = False,
) -> Tensor:
    """Scaled dot-product attention of ``query`` [b, q, d] over ``key`` and ``value`` [b, k, d].

    ``key_mask`` [b, k] hides keys; a clip without any valid key gives zeros. ``rotary`` encodes time differences.
    Returns [b, q, d].
    """
    query, key, value = (x.unflatten(-1, (num_heads, -1)).transpose(1, 2) for x in (query, key, value))
    if rotary:
        query, key = rotate(query), rotate(key)
    nothing = ~key_mask.any(dim=1, keepdim=True)  # softmax over nothing is NaN: attend to all, then drop the result
    mask = (key_mask | nothing)[:, None, None, :]
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return mixed.transpose(1, 2).flatten(2).masked_fill(nothing.unsqueeze(-1), 0)


class SelfAttention(nn.Module):
    """Multi-head self-attention with one fused projection to queries, keys and values.

    Args:
        channels: d.
        num_heads: h; divides d.
        dropout: probability that an attention weight is dropped, in [0, 1).
        rotary: encode time differences in the scores.
    """

    def __init__(self, *, channels: int, num_heads: int, dropout: float = 0.0, rotary: bool = False):
        super().__init__()
        check_heads(channels, num_heads, rotary=rotary)
        self.num_heads = num_heads
        self.dropout = dropout
        self.rotary = rotary
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        _initialise(self.qkv, self.out)

    def forward(self, rows: Tensor, packing: Packing) -> Tensor:
        """``rows`` [n, d], each over the rows of its own clip; returns [n, d]."""
        query, key, value = (packing.unpack(part) for part in self.qkv(rows).chunk(3, dim=-1))
        mixed = attend(
            query,
            key,
            value,
            num_heads=self.num_heads,
            key_mask=packing.mask,
            dropout=self.dropout if self.training else 0.0,
            rotary=self.rotary,
        )
        return self.out(packing.pack(mixed))


class CrossAttention(nn.Module):
    """Multi-head attention of one stream over another; arguments as for `SelfAttention`."""

    def __init__(self, *, channels: int, num_heads: int, dropout: float = 0.0, rotary: bool = False):
        super().__init__()
        check_heads(channels, num_heads, rotary=rotary)
        self.num_heads = num_heads
        self.dropout = dropout
        self.rotary = rotary
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.out = nn.Linear(channels, channels)
        _initialise(self.query, self.key_value, self.out)

    def forward(self, rows: Tensor, context: Tensor, packing: Packing, context_packing: Packing) -> Tensor:
        """``rows`` [n, d], each over the rows of its own clip in ``context`` [m, d]; returns [n, d]."""
        key, value = (context_packing.unpack(part) for part in self.key_value(context).chunk(2, dim=-1))
        mixed = attend(
            packing.unpack(self.query(rows)),
            key,
            value,
            num_heads=self.num_heads,
            key_mask=context_packing.mask,
            dropout=self.dropout if self.training else 0.0,
            rotary=self.rotary,
        )
        return self.out(packing.pack(mixed))


def check_heads(channels: int, num_heads: int, *, rotary: bool) -> None:
    """Raise `ConfigError` unless ``channels`` splits evenly over ``num_heads`` (and, if ``rotary``, into pairs)."""
    if channels % num_heads:
        raise ConfigError(f"{channels} channels do not split over {num_heads} heads.", where="num_heads")
    if rotary and (channels // num_heads) % 2:
        raise ConfigError(f"Rotary positions need an even head width, not {channels // num_heads}.", where="positions")


def _initialise(*projections: nn.Linear) -> None:
    for projection in projections:
        nn.init.xavier_uniform_(projection.weight)
        nn.init.zeros_(projection.bias)
