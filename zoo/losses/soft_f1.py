"""Macro-F1 made differentiable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn


class SoftMacroF1Loss(nn.Module):
    """One minus the mean of both classes' F1, with probabilities in place of counted decisions.

    A figure of the batch as a whole: it wants batches with both classes, and under several ranks each rank takes its
    own batch.

    Notation: b clips.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"fake_logit"})

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar in [0, 1] from ``outputs["fake_logit"]`` [b] and ``targets["label"]`` [b] (0 real, 1 fake)."""
        fake = torch.sigmoid(outputs["fake_logit"].float())
        label = targets["label"].to(fake.dtype)
        return 1 - (_soft_f1(fake, label) + _soft_f1(1 - fake, 1 - label)) / 2


def _soft_f1(probability: Tensor, label: Tensor) -> Tensor:
    """``2 tp / (2 tp + fp + fn)``, whose denominator is the sum of both; 0 where it vanishes."""
    return 2 * (probability * label).sum() / (probability.sum() + label.sum()).clamp(min=1e-6)
