"""Binary cross-entropy on the fake logit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError


class BinaryCrossEntropyLoss(nn.Module):
    """Mean binary cross-entropy, with smoothed labels and a weight for fakes.

    Notation: b clips.

    Args:
        label_smoothing: s in [0, 1): the targets are s / 2 and 1 - s / 2 in place of 0 and 1.
        pos_weight: factor on the fake term; real clips over fake clips of the training split balances the classes.

    Raises:
        ConfigError: a value outside its range.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"fake_logit"})

    def __init__(self, *, label_smoothing: float = 0.0, pos_weight: float = 1.0):
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing must lie in [0, 1), not {label_smoothing}.", where=type(self).__name__)
        if pos_weight <= 0:
            raise ConfigError(f"pos_weight must be positive, not {pos_weight}.", where=type(self).__name__)
        self.label_smoothing = label_smoothing
        self.pos_weight = pos_weight

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``outputs["fake_logit"]`` [b] and ``targets["label"]`` [b] (0 real, 1 fake)."""
        logit = outputs["fake_logit"].float()
        target = targets["label"].to(logit.dtype) * (1 - self.label_smoothing) + self.label_smoothing / 2
        weight = torch.tensor(self.pos_weight, device=logit.device)
        return F.binary_cross_entropy_with_logits(logit, target, pos_weight=weight)
