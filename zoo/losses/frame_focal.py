"""Focal loss frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.losses.gather import mean_over_ranks

_TARGETS: Final = {
    "frame_logits": "frame_label",
    "proposal_logits": "frame_label",
    "modality_logits": "modality_label",
}


class FrameFocalLoss(nn.Module):
    """Cross-entropy over frames that fades for frames already judged well (Lin et al. 2017, equation 5).

    ``-alpha_y (1 - p_y)^gamma log p_y``, averaged over all frames whose truth is known; a clip without such frames
    takes no part.

    Notation: b clips, t frames.

    Args:
        output: which logits: ``frame_logits``, ``proposal_logits`` (is there a segment around this frame) or
            ``modality_logits``.
        gamma: focus, at least 0; 0 is cross-entropy.
        alpha: weight of fake frames in (0, 1), real ones weigh 1 - alpha; None weighs both 1.

    Raises:
        ConfigError: a value outside its range, or another output.
    """

    def __init__(self, *, output: str = "frame_logits", gamma: float = 2.0, alpha: float | None = None):
        super().__init__()
        if output not in _TARGETS:
            raise ConfigError(f"output must be one of {sorted(_TARGETS)}, not {output!r}.", where=type(self).__name__)
        if gamma < 0:
            raise ConfigError(f"gamma must not be negative, not {gamma}.", where=type(self).__name__)
        if alpha is not None and not 0 < alpha < 1:
            raise ConfigError(f"alpha must lie in (0, 1), not {alpha}.", where=type(self).__name__)
        self.output = output
        self.target = _TARGETS[output]
        self.uses: frozenset[str] = frozenset({output})
        self.reads: frozenset[str] = frozenset({self.target})
        self.gamma = gamma
        self.alpha = alpha

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from logits [b, t] or [b, t, 2] of ``outputs`` and labels of that shape (0, 1, -1 unknown)."""
        logit, label = outputs[self.output].float(), targets[self.target]
        margin = torch.where(label > 0.5, logit, -logit)  # p_y = sigmoid(margin)
        terms = torch.sigmoid(-margin) ** self.gamma * F.softplus(-margin)
        if self.alpha is not None:
            terms = terms * torch.where(label > 0.5, self.alpha, 1 - self.alpha)
        return mean_over_ranks(terms, (label >= 0).to(terms.dtype))
