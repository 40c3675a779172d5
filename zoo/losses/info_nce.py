"""InfoNCE (van den Oord et al. 2018, equation 4): sound and picture that belong together find each other.

Pairs are genuine clips only unless asked otherwise: pulling a fake's sound and picture together would teach the model
to overlook what makes it a fake. Fakes are left out of the negatives too, since a fake often shares its picture or
its sound with a genuine clip of the same batch and would push that clip from itself.

Notation: b clips of this rank, n clips of all ranks, t frames, e embedding channels. Embeddings are unit vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.losses.gather import gather, mean_over_ranks, rank_and_world
from zoo.losses.temperature import Temperature
from zoo.structures import REAL

_POSITIVES = ("genuine", "all")


class _PairLoss(nn.Module):
    """What both levels share: a temperature, and which clips take part.

    Args:
        temperature: divides the similarities; where learning starts if learnable.
        learnable_temperature: learn it.
        positives: ``genuine`` takes part with real clips only, ``all`` with every clip.

    Raises:
        ConfigError: an unknown choice or a temperature that is not positive.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        learnable_temperature: bool = False,
        positives: Literal["genuine", "all"] = "genuine",
    ):
        super().__init__()
        if positives not in _POSITIVES:
            raise ConfigError(f"positives must be one of {_POSITIVES}, not {positives!r}.", where=type(self).__name__)
        self.temperature = Temperature(temperature, learnable=learnable_temperature)
        self.positives = positives

    def _takes_part(self, label: Tensor) -> Tensor:
        return label == REAL if self.positives == "genuine" else torch.ones_like(label, dtype=torch.bool)


class InfoNCELoss(_PairLoss):
    """Clip level: each clip's picture picks its own sound among those of all ranks, and the other way round."""

    uses: ClassVar[frozenset[str]] = frozenset({"visual_embedding", "audio_embedding"})

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``visual_embedding`` and ``audio_embedding`` [b, e], ``visual_mask`` and ``audio_mask`` [b, t]
        of ``outputs``, and ``targets["label"]`` [b].

        Clips without any valid frame of a modality take no part. 0 where no pair is left on any rank.
        """
        visual, audio = outputs["visual_embedding"].float(), outputs["audio_embedding"].float()
        complete = outputs["visual_mask"].any(dim=1) & outputs["audio_mask"].any(dim=1)
        pairs = complete & self._takes_part(targets["label"])
        candidates = gather(pairs)
        own = rank_and_world()[0] * len(pairs) + torch.arange(len(pairs), device=pairs.device)
        temperature = self.temperature()
        terms = [
            F.cross_entropy(_hide(query @ gather(key).T / temperature, candidates), own, reduction="none")
            for query, key in ((visual, audio), (audio, visual))
        ]
        return mean_over_ranks((terms[0] + terms[1]) / 2, pairs.to(visual.dtype))


class FrameInfoNCELoss(_PairLoss):
    """Frame level: each frame's picture picks its own sound among the frames of the same clip, and back.

    Speaker and voice are the same in all candidates, so only what is in time with the other modality helps.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"visual_frames", "audio_frames"})

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Scalar from ``visual_frames`` and ``audio_frames`` [b, t, e], ``visual_mask`` and ``audio_mask`` [b, t]
        of ``outputs``, and ``targets["label"]`` [b].

        Frames that lack a modality take no part. 0 where no pair is left on any rank.
        """
        visual, audio = outputs["visual_frames"].float(), outputs["audio_frames"].float()
        pairs = outputs["visual_mask"] & outputs["audio_mask"]
        pairs = pairs & self._takes_part(targets["label"]).unsqueeze(1)
        similarity = visual @ audio.transpose(1, 2) / self.temperature()
        own = torch.arange(pairs.shape[1], device=pairs.device).expand_as(pairs)
        terms = [
            F.cross_entropy(_hide(rows, pairs.unsqueeze(1)).transpose(1, 2), own, reduction="none")
            for rows in (similarity, similarity.transpose(1, 2))
        ]
        return mean_over_ranks((terms[0] + terms[1]) / 2, pairs.to(visual.dtype))


def _hide(similarity: Tensor, candidates: Tensor) -> Tensor:
    """Far below any similarity, yet finite, where ``candidates`` is False: a row without any must not become NaN."""
    return similarity.masked_fill(~candidates, -1e4)
