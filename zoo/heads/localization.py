"""Features along time to where a clip is fake: frame by frame, at boundaries, and as segments."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.backbones.dropout import Dropout
from zoo.errors import ConfigError

_PRIOR: Final = -2.0  # logit that boundaries start from: they are rare
_LONGEST: Final = 6.0  # logarithm of the farthest distance in frames that a frame can state


class LocalizationHead(nn.Module):
    """A small convolutional tower, and on each of its frames a few linear outputs.

    The proposals are anchor-free (ActionFormer, Zhang et al. 2022): each frame states how sure it is to lie in a fake
    segment, and how far away that segment's start and end are. Boundaries are told twice, by those distances and by
    start and end logits (BSN, Lin et al. 2018), which a decoder brings together. The clip's logit is the mean of its
    largest frame logits: a clip is as fake as its most suspicious stretch.

    Notation: b clips, t frames, d channels, h hidden channels.

    Args:
        in_channels: d.
        hidden_channels: h; d if None.
        num_layers: convolutions in the tower, at least 0.
        kernel_size: frames that each of them sees, odd.
        dropout: probability in [0, 1).
        top_frames: frames whose mean logit is the clip's; all of a shorter clip.
        modalities: also tell, frame by frame, which modality is fake.

    Raises:
        ConfigError: a number out of range.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        hidden_channels: int | None = None,
        num_layers: int = 2,
        kernel_size: int = 3,
        dropout: float = 0.1,
        top_frames: int = 4,
        modalities: bool = False,
    ):
        super().__init__()
        if num_layers < 0 or kernel_size < 1 or kernel_size % 2 == 0 or top_frames < 1:
            raise ConfigError(
                f"The head has {num_layers} layers of {kernel_size} frames and top_frames={top_frames}.",
                where="LocalizationHead",
                next_step="num_layers is at least 0, kernel_size odd, and top_frames at least 1.",
            )
        hidden = hidden_channels or in_channels
        self.in_channels = in_channels
        self.out_channels = 1
        self.top_frames = top_frames
        self.expand = nn.Linear(in_channels, hidden)
        self.tower = nn.ModuleList(
            _Layer(channels=hidden, kernel_size=kernel_size, dropout=dropout) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.frame = nn.Linear(hidden, 1)
        self.boundary = nn.Linear(hidden, 2)
        self.proposal = nn.Linear(hidden, 1)
        self.distance = nn.Linear(hidden, 2)
        self.modality = nn.Linear(hidden, 2) if modalities else None
        nn.init.constant_(self.boundary.bias, _PRIOR)
        nn.init.constant_(self.distance.bias, 2.0)  # some seven frames

    @property
    def gives(self) -> frozenset[str]:
        """Names of what `localize` returns."""
        names = {"fake_logit", "frame_logits", "start_logits", "end_logits", "proposal_logits", "proposal_distances"}
        return frozenset(names | ({"modality_logits"} if self.modality is not None else set()))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """The fake logits [b] of clips ``features`` [b, t, d], over the frames where ``mask`` [b, t] is True."""
        return self.pool(self.frame(self._tower(features, mask)).squeeze(-1), mask)

    def frames(self, features: Tensor) -> Tensor:
        """The fake logit of each frame [b, t] of ``features`` [b, t, d], all of them valid."""
        mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        return self.frame(self._tower(features, mask)).squeeze(-1)

    def localize(self, features: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """All that the head tells of ``features`` [b, t, d], over the frames where ``mask`` [b, t] is True.

        Returns:
            ``fake_logit`` [b]; ``frame_logits``, ``start_logits``, ``end_logits`` and ``proposal_logits`` [b, t];
            ``proposal_distances`` [b, t, 2], frames to start and end of the frame's segment, positive; and where
            modalities are told, ``modality_logits`` [b, t, 2]: is the picture fake, is the sound.
        """
        hidden = self._tower(features, mask)
        frame_logits = self.frame(hidden).squeeze(-1)
        start, end = self.boundary(hidden).unbind(-1)
        outputs = {
            "fake_logit": self.pool(frame_logits, mask),
            "frame_logits": frame_logits,
            "start_logits": start,
            "end_logits": end,
            "proposal_logits": self.proposal(hidden).squeeze(-1),
            "proposal_distances": self.distance(hidden).float().clamp(max=_LONGEST).exp(),
        }
        if self.modality is not None:
            outputs["modality_logits"] = self.modality(hidden)
        return outputs

    def pool(self, frame_logits: Tensor, mask: Tensor) -> Tensor:
        """The clip's logit [b] of frame logits [b, t]: the mean of the largest ``top_frames`` of the valid ones.

        A clip without any valid frame gets 0.
        """
        count = min(self.top_frames, frame_logits.shape[1])
        lowest = torch.finfo(frame_logits.dtype).min
        largest, places = frame_logits.masked_fill(~mask, lowest).topk(count, dim=1)
        valid = mask.gather(1, places)
        return largest.masked_fill(~valid, 0).sum(dim=1) / valid.sum(dim=1).clamp(min=1)

    def _tower(self, features: Tensor, mask: Tensor) -> Tensor:
        hidden = ~mask.unsqueeze(-1)
        x = self.expand(features.masked_fill(hidden, 0)).masked_fill(hidden, 0)
        for layer in self.tower:
            x = layer(x, hidden)
        return self.norm(x)


class _Layer(nn.Module):
    """Norm, a convolution along time, GELU and dropout, around which the input goes on; padding stays zero."""

    def __init__(self, *, channels: int, kernel_size: int, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        """``x`` [b, t, h]; ``hidden`` [b, t, 1] is True at padding."""
        seen = self.norm(x).masked_fill(hidden, 0).transpose(1, 2)
        return x + self.dropout(F.gelu(self.conv(seen).transpose(1, 2))).masked_fill(hidden, 0)
