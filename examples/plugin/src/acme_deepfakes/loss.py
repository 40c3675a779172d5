"""A loss for data in which one class is rare or badly labelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError


class AsymmetricLoss(nn.Module):
    """Cross-entropy that fades for samples judged well, at different rates (Ridnik et al. 2021, arXiv:2009.14119).

    With p the probability of fake and q = max(p - margin, 0): a fake costs ``-(1 - p)^focus_fake log p``, a real
    sample ``-q^focus_real log(1 - q)``, averaged over the batch. Real samples below the margin cost nothing.

    Notation: b samples.

    Args:
        focus_fake, focus_real: exponents, at least 0; both 0 and no margin are cross-entropy.
        margin: in [0, 1), taken off the probability of real samples.

    Raises:
        ConfigError: a value outside its range.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"fake_logit"})

    def __init__(self, *, focus_fake: float = 0.0, focus_real: float = 2.0, margin: float = 0.05):
        super().__init__()
        if min(focus_fake, focus_real) < 0 or not 0 <= margin < 1:
            raise ConfigError(
                f"focus_fake={focus_fake}, focus_real={focus_real}, margin={margin}: a focus is at least 0, the "
                "margin in [0, 1).",
                where="AsymmetricLoss",
            )
        self.focus_fake = focus_fake
        self.focus_real = focus_real
        self.margin = margin

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``outputs["fake_logit"]`` [b] and ``targets["label"]`` [b] (0 real, 1 fake)."""
        logit = outputs["fake_logit"].float()
        fake = targets["label"] > 0
        missed = torch.sigmoid(-logit) ** self.focus_fake * F.softplus(-logit)
        alarm = (torch.sigmoid(logit) - self.margin).clamp(min=0)
        cost = -(alarm**self.focus_real) * torch.log1p(-alarm.clamp(max=1 - 1e-6))
        return torch.where(fake, missed, cost).mean()
