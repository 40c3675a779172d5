"""Where segments start and end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.losses.gather import mean_over_ranks


class BoundaryLoss(nn.Module):
    """Cross-entropy of start and end logits with soft labels, which share a boundary out to the two nearest frames.

    The minimum is where the probabilities equal the labels, so that their mean place is the boundary's. The sum over
    frames and kinds is divided by the number of boundaries, since nearly all frames are none.

    Notation: b clips, t frames.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"start_logits", "end_logits"})
    reads: ClassVar[frozenset[str]] = frozenset({"start_label", "end_label"})

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``start_logits`` and ``end_logits`` [b, t] and ``start_label`` and ``end_label`` [b, t].

        Labels lie in [0, 1]; -1 is unknown. A batch without any boundary counts as one with one.
        """
        logits = torch.stack((outputs["start_logits"], outputs["end_logits"])).float()
        labels = torch.stack((targets["start_label"], targets["end_label"]))
        known = (labels >= 0).to(logits.dtype)
        labels = labels.clamp(min=0)
        terms = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return mean_over_ranks(terms, known, per=labels.sum())
