"""Two aligned streams to one by attention across them."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from zoo.backbones.attention import CrossAttention
from zoo.backbones.dropout import Dropout
from zoo.backbones.packing import Packing
from zoo.errors import ConfigError

_DIRECTIONS = ("bidirectional", "audio_to_visual", "visual_to_audio")


class CrossAttentionFusion(nn.Module):
    """Each stream looks at the other, keeps itself in a residual sum, and is normalised; the results are averaged.

    Notation: b clips, t frames, d channels.

    Args:
        channels: d.
        num_heads: attention heads; divides d.
        direction: ``audio_to_visual`` (audio queries, visual keys and values), ``visual_to_audio``, or both. With one
            direction only the querying stream stays aligned in the sum, and synchrony is hardly learnt from little
            data; ``bidirectional`` keeps both.
        dropout: probability on the attention's output, in [0, 1).
        attention_dropout: probability on attention weights, in [0, 1).
        rotary: encode time differences in the attention scores.

    Raises:
        ConfigError: an unknown direction, or heads that do not divide the channels.
    """

    def __init__(
        self,
        *,
        channels: int,
        num_heads: int,
        direction: Literal["bidirectional", "audio_to_visual", "visual_to_audio"] = "bidirectional",
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        rotary: bool = False,
    ):
        super().__init__()
        if direction not in _DIRECTIONS:
            raise ConfigError(
                f"direction must be one of {_DIRECTIONS}, not {direction!r}.", where="CrossAttentionFusion"
            )
        self.in_channels = self.out_channels = channels
        self.direction = direction

        def branch() -> _Branch:
            return _Branch(
                channels=channels,
                num_heads=num_heads,
                dropout=dropout,
                attention_dropout=attention_dropout,
                rotary=rotary,
            )

        self.audio_to_visual = branch() if direction != "visual_to_audio" else None
        self.visual_to_audio = branch() if direction != "audio_to_visual" else None

    def forward(self, visual: Tensor, audio: Tensor, visual_mask: Tensor, audio_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse ``visual`` and ``audio`` [b, t, d] with their masks [b, t].

        A frame that lacks one modality is represented by the other alone. Rows and clips without any valid frame of
        a modality are finite.

        Returns:
            The fused stream [b, t, d] and its mask [b, t]: frames that at least one querying stream holds. Rows
            outside the mask are zero.
        """
        seen, heard = Packing(visual_mask), Packing(audio_mask)
        visual, audio = seen.pack(visual), heard.pack(audio)
        streams, masks = [], []
        if self.audio_to_visual is not None:
            streams.append(heard.unpack(self.audio_to_visual(audio, visual, heard, seen)))
            masks.append(audio_mask)
        if self.visual_to_audio is not None:
            streams.append(seen.unpack(self.visual_to_audio(visual, audio, seen, heard)))
            masks.append(visual_mask)
        if len(streams) == 1:
            return streams[0], masks[0]
        count = (masks[0].to(streams[0].dtype) + masks[1].to(streams[0].dtype)).clamp(min=1)
        return (streams[0] + streams[1]) / count.unsqueeze(-1), masks[0] | masks[1]


class _Branch(nn.Module):
    """One direction: attention, residual sum with the query, layer norm."""

    def __init__(self, *, channels: int, num_heads: int, dropout: float, attention_dropout: float, rotary: bool):
        super().__init__()
        self.attention = CrossAttention(
            channels=channels, num_heads=num_heads, dropout=attention_dropout, rotary=rotary
        )
        self.norm = nn.LayerNorm(channels)
        self.dropout = Dropout(dropout)

    def forward(self, rows: Tensor, context: Tensor, packing: Packing, context_packing: Packing) -> Tensor:
        return self.norm(rows + self.dropout(self.attention(rows, context, packing, context_packing)))
