"""How well proposed segments cover the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.losses.gather import mean_over_ranks


class DistanceIoULoss(nn.Module):
    """``1 - IoU + centre_weight * (distance of centres / joint length)^2`` (Zheng et al. 2020, equation 7), in time.

    Each frame inside a true segment proposes one; the frames of a segment share a weight of 1, so that short segments
    count as much as long ones.

    Notation: b clips, t frames.

    Args:
        centre_weight: at least 0; 0 is the plain IoU loss, 1 the DIoU loss.

    Raises:
        ConfigError: a negative weight.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"proposal_distances"})
    reads: ClassVar[frozenset[str]] = frozenset({"frame_label", "segment_distances"})

    def __init__(self, *, centre_weight: float = 1.0):
        super().__init__()
        if centre_weight < 0:
            raise ConfigError(f"centre_weight must not be negative, not {centre_weight}.", where=type(self).__name__)
        self.centre_weight = centre_weight

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``proposal_distances`` [b, t, 2], positive, ``frame_label`` [b, t] and ``segment_distances``
        [b, t, 2]. 0 where no frame on any rank lies in a segment."""
        proposed = outputs["proposal_distances"].float()
        true = targets["segment_distances"].to(proposed.dtype)
        length = true.sum(dim=-1)
        weight = ((targets["frame_label"] > 0.5) & (length > 0)).to(proposed.dtype) / length.clamp(min=1)
        joint = proposed.maximum(true).sum(dim=-1).clamp(min=1e-6)
        iou = proposed.minimum(true).sum(dim=-1) / joint
        apart = (proposed - true).diff(dim=-1).squeeze(-1) / 2
        return mean_over_ranks(1 - iou + self.centre_weight * (apart / joint).square(), weight)
