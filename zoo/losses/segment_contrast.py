"""Picture and sound of genuine frames belong together; where one of them is forged they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.losses.gather import mean_over_ranks


class SegmentContrastLoss(nn.Module):
    """``1 - s`` at genuine frames and ``max(0, s - margin)`` inside fake segments, s the similarity of both streams.

    (The contrastive loss of Hadsell et al. 2006 on cosine similarities, within each clip.) Segments in which picture
    and sound are both forged take no part, because a forger may well have made them agree; nor do those of which it
    is not known what is forged.

    Notation: b clips, t frames, e embedding channels.

    Args:
        margin: similarity, in [-1, 1], below which forged frames are left alone.

    Raises:
        ConfigError: a margin outside its range.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"visual_frames", "audio_frames"})
    reads: ClassVar[frozenset[str]] = frozenset({"frame_label", "modality_label"})

    def __init__(self, *, margin: float = 0.0):
        super().__init__()
        if not -1 <= margin <= 1:
            raise ConfigError(f"margin must lie in [-1, 1], not {margin}.", where=type(self).__name__)
        self.margin = margin

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from the unit vectors ``visual_frames`` and ``audio_frames`` [b, t, e] and their masks [b, t], and
        ``frame_label`` [b, t] and ``modality_label`` [b, t, 2].

        Genuine and forged frames weigh the same, however many there are of each.
        """
        similarity = (outputs["visual_frames"].float() * outputs["audio_frames"].float()).sum(dim=-1)
        both = outputs["visual_mask"] & outputs["audio_mask"]
        forged = targets["modality_label"]
        one = (forged >= 0).all(dim=-1) & (forged.sum(dim=-1) == 1)
        genuine = (both & (targets["frame_label"] == 0)).to(similarity.dtype)
        fake = (both & (targets["frame_label"] == 1) & one).to(similarity.dtype)
        return mean_over_ranks(1 - similarity, genuine) + mean_over_ranks((similarity - self.margin).relu(), fake)
