"""A transformer along time."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.backbones.attention import SelfAttention
from zoo.backbones.dropout import Dropout
from zoo.backbones.packing import Packing
from zoo.backbones.positions import sinusoidal_positions
from zoo.errors import ConfigError

_POSITIONS = ("none", "sinusoidal", "rotary")
_NORMS = ("pre", "post")


class TemporalTransformer(nn.Module):
    """Encoder layers of self-attention and a GELU feed-forward net over the frames of a clip.

    Padding is neither read nor computed.

    Notation: b clips, t frames, d channels.

    Args:
        channels: d.
        num_layers: encoder layers.
        num_heads: attention heads; divides d.
        feedforward_channels: inner width of the feed-forward net; 4 d if None.
        dropout: probability on both residual branches and inside the feed-forward net, in [0, 1).
        attention_dropout: probability on attention weights, in [0, 1).
        positions: ``none`` (a set of frames), ``sinusoidal`` (added to the input) or ``rotary`` (time differences in
            every attention score).
        norm: ``pre`` normalises the input of each branch and the final output (stable at any depth); ``post``
            normalises after each residual sum, as Vaswani et al. 2017 and `torch.nn.TransformerEncoder` do.

    Raises:
        ConfigError: an unknown choice, or heads that do not divide the channels.
    """

    def __init__(
        self,
        *,
        channels: int,
        num_layers: int,
        num_heads: int,
        feedforward_channels: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        positions: Literal["none", "sinusoidal", "rotary"] = "none",
        norm: Literal["pre", "post"] = "pre",
    ):
        super().__init__()
        if positions not in _POSITIONS:
            raise ConfigError(f"positions must be one of {_POSITIONS}, not {positions!r}.", where="TemporalTransformer")
        if norm not in _NORMS:
            raise ConfigError(f"norm must be one of {_NORMS}, not {norm!r}.", where="TemporalTransformer")
        if positions == "sinusoidal" and channels % 2:
            raise ConfigError(f"Sinusoidal positions need an even width, not {channels}.", where="TemporalTransformer")
        self.in_channels = self.out_channels = channels
        self.positions = positions
        self.layers = nn.ModuleList(
            _EncoderLayer(
                channels=channels,
                num_heads=num_heads,
                feedforward_channels=feedforward_channels or 4 * channels,
                dropout=dropout,
                attention_dropout=attention_dropout,
                rotary=positions == "rotary",
                pre_norm=norm == "pre",
            )
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(channels) if norm == "pre" else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x`` [b, t, d]; returns [b, t, d], zero where ``mask`` [b, t] is False."""
        if self.positions == "sinusoidal":
            x = x + sinusoidal_positions(x.shape[1], x.shape[2], like=x)
        packing = Packing(mask)
        rows = packing.pack(x)
        for layer in self.layers:
            rows = layer(rows, packing)
        return packing.unpack(self.norm(rows))


class _EncoderLayer(nn.Module):
    def __init__(
        self,
        *,
        channels: int,
        num_heads: int,
        feedforward_channels: int,
        dropout: float,
        attention_dropout: float,
        rotary: bool,
        pre_norm: bool,
    ):
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = SelfAttention(channels=channels, num_heads=num_heads, dropout=attention_dropout, rotary=rotary)
        self.attention_norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, feedforward_channels)
        self.contract = nn.Linear(feedforward_channels, channels)
        self.feedforward_norm = nn.LayerNorm(channels)
        self.dropout = Dropout(dropout)

    def forward(self, rows: Tensor, packing: Packing) -> Tensor:
        if self.pre_norm:
            rows = rows + self.dropout(self.attention(self.attention_norm(rows), packing))
            return rows + self.dropout(self._feedforward(self.feedforward_norm(rows)))
        rows = self.attention_norm(rows + self.dropout(self.attention(rows, packing)))
        return self.feedforward_norm(rows + self.dropout(self._feedforward(rows)))

    def _feedforward(self, rows: Tensor) -> Tensor:
        wide = self.expand(rows)
        if torch.is_grad_enabled():  # activation and dropout are cheap to repeat, and wide to keep
            return checkpoint(self._contract, wide, use_reentrant=False)
        return self._contract(wide)

    def _contract(self, wide: Tensor) -> Tensor:
        return self.contract(self.dropout(F.gelu(wide)))
