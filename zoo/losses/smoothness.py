"""Frame logits do not flicker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.losses.gather import mean_over_ranks


class SmoothnessLoss(nn.Module):
    """Mean square of the steps between neighbouring frame logits where the truth does not change, each step cut off at
    ``largest`` (the smoothing loss of MS-TCN, Abu Farha and Gall 2019, equation 8, on logits).

    Notation: b clips, t frames.

    Args:
        largest: step in logits above which nothing more is asked; positive.

    Raises:
        ConfigError: a limit that is not positive.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"frame_logits"})
    reads: ClassVar[frozenset[str]] = frozenset({"frame_label"})

    def __init__(self, *, largest: float = 4.0):
        super().__init__()
        if largest <= 0:
            raise ConfigError(f"largest must be positive, not {largest}.", where=type(self).__name__)
        self.largest = largest

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``frame_logits`` [b, t] and ``frame_label`` [b, t] (0, 1, -1 unknown); 0 where no two
        neighbours are known to be alike."""
        logits, label = outputs["frame_logits"].float(), targets["frame_label"]
        steps = logits.diff(dim=1).clamp(-self.largest, self.largest)
        alike = (label[:, 1:] == label[:, :-1]) & (label[:, 1:] >= 0)
        return mean_over_ranks(steps.square(), alike.to(steps.dtype))
