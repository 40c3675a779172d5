"""Detectors that take the same input, run as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.detectors.base import Detector, Inputs, Outputs
from zoo.detectors.members import MemberLosses, encode_members, flat
from zoo.errors import ConfigError


def mean_of_logits(logits: Tensor, valid: Tensor) -> Tensor:
    """The mean over the members [m, ...] that are ``valid`` (bool, the same shape): their odds' geometric mean."""
    return logits.masked_fill(~valid, 0).sum(0) / valid.sum(0).clamp(min=1)


def logit_of_mean_probability(logits: Tensor, valid: Tensor) -> Tensor:
    """The logit of the mean probability over the members [m, ...] that are ``valid``; exact where they are extreme."""
    fake = F.logsigmoid(logits).masked_fill(~valid, float("-inf"))
    real = F.logsigmoid(-logits).masked_fill(~valid, float("-inf"))
    return torch.logsumexp(fake, 0) - torch.logsumexp(real, 0)


_COMBINATIONS: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = MappingProxyType(
    {"logits": mean_of_logits, "probabilities": logit_of_mean_probability}
)


class DetectorEnsemble(Detector):
    """Detectors of the same input in one forward pass, one checkpoint and one score.

    A member that finds nothing of what it looks at in a clip (one that hears the sound only, in a clip without sound)
    has no part in that clip's logit, nor in that of a frame; where no member finds anything, all have. In training
    every member has its own loss, as if it were alone.

    Args:
        members: name to detector, at least one; the names have no dot.
        mean_of: what is averaged: ``logits``, or ``probabilities`` of a fake.

    Raises:
        ConfigError: no members, a name that cannot be used, or an unknown ``mean_of``.
    """

    def __init__(self, *, members: Mapping[str, Detector], mean_of: Literal["logits", "probabilities"] = "logits"):
        if not members or any("." in name for name in members):
            raise ConfigError(
                "An ensemble needs at least one member, and names without dots.", where="DetectorEnsemble.members"
            )
        if mean_of not in _COMBINATIONS:
            raise ConfigError(
                f"mean_of must be one of {tuple(_COMBINATIONS)}, not {mean_of!r}.", where=type(self).__name__
            )
        super().__init__(loss=MemberLosses(members, weights={}))
        self.members = nn.ModuleDict(members)
        self.mean_of = mean_of

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        own = {f"{name}.{key}" for name in self.members for key in wanted}
        outputs = encode_members(self.members, inputs, wanted=wanted | own)
        combine = _COMBINATIONS[self.mean_of]
        logits = torch.stack([one["fake_logit"].float() for one in outputs.values()])
        result = {"fake_logit": combine(logits, _found(outputs, logits))}
        streams = [one for one in outputs.values() if "frame_logits" in one]
        if "frame_logits" in wanted and streams:
            frames = torch.stack([one["frame_logits"].float() for one in streams])
            valid = torch.stack([one["frame_mask"] for one in streams])
            result["frame_mask"] = valid.any(0)
            result["frame_logits"] = combine(frames, valid | ~result["frame_mask"])
        return result | flat(outputs)


def _found(outputs: Mapping[str, Outputs], logits: Tensor) -> Tensor:
    """Whether each member found something in each sample: bool [m, b]."""
    found = torch.stack(
        [
            one["frame_mask"].any(1) if "frame_mask" in one else torch.ones_like(logit, dtype=torch.bool)
            for one, logit in zip(outputs.values(), logits, strict=True)
        ]
    )
    return found | ~found.any(0)
