"""Focal loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError


class FocalLoss(nn.Module):
    """Cross-entropy that fades for clips already judged well (Lin et al. 2017, equation 5).

    ``-alpha_y (1 - p_y)^gamma log p_y``, p_y the probability of the true class, averaged over the batch.

    Notation: b clips.

    Args:
        gamma: focus, at least 0; 0 is cross-entropy.
        alpha: weight of fakes in (0, 1), real clips weigh 1 - alpha; None weighs both 1.

    Raises:
        ConfigError: a value outside its range.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"fake_logit"})

    def __init__(self, *, gamma: float = 2.0, alpha: float | None = None):
        super().__init__()
        if gamma < 0:
            raise ConfigError(f"gamma must not be negative, not {gamma}.", where=type(self).__name__)
        if alpha is not None and not 0 < alpha < 1:
            raise ConfigError(f"alpha must lie in (0, 1), not {alpha}.", where=type(self).__name__)
        self.gamma = gamma
        self.alpha = alpha

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``outputs["fake_logit"]`` [b] and ``targets["label"]`` [b] (0 real, 1 fake)."""
        logit = outputs["fake_logit"].float()
        label = targets["label"].to(logit.dtype)
        margin = torch.where(label > 0.5, logit, -logit)  # p_y = sigmoid(margin)
        loss = torch.sigmoid(-margin) ** self.gamma * F.softplus(-margin)
        if self.alpha is not None:
            loss = loss * torch.where(label > 0.5, self.alpha, 1 - self.alpha)
        return loss.mean()
