"""The control: the same detector that sees the picture only, or hears the sound only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths, given_by, judged
from zoo.detectors.parts import Encoder, Head, Loss
from zoo.errors import ConfigError

_MODALITIES = ("visual", "audio")


class UnimodalTransformer(Detector):
    """One stream, a transformer along time, one logit.

    Notation: b clips, t frames, d channels.

    Args:
        modality: ``visual`` or ``audio``; the other one's inputs are not looked at.
        projection: stored features to [b, t, d].
        temporal: the stream along time to [b, t, d].
        head: to fake logits [b], or also to where in time a clip is fake.
        loss: the training loss; reads what the head gives only.
        proposals: how a localizing head's outputs become segments (`zoo.detectors.proposals.ProposalDecoder`).

    Raises:
        ConfigError: an unknown modality, widths that do not meet, or a loss that compares modalities or reads what the
            head does not give.
    """

    def __init__(
        self,
        *,
        modality: Literal["visual", "audio"],
        projection: Encoder,
        temporal: Encoder,
        head: Head,
        loss: Loss,
        proposals: Mapping[str, Any] | None = None,
    ):
        super().__init__(loss=loss, proposals=proposals)
        if modality not in _MODALITIES:
            raise ConfigError(f"modality must be one of {_MODALITIES}, not {modality!r}.", where=type(self).__name__)
        if missing := loss.uses - given_by(head):
            raise ConfigError(
                f"A detector of one modality with a {type(head).__name__} has no {sorted(missing)}.",
                where=type(self).__name__,
                next_step="Leave out losses that compare modalities; losses of segments want a LocalizationHead.",
            )
        check_widths(
            self,
            ("projection", projection.out_channels, "temporal", temporal.in_channels),
            ("temporal", temporal.out_channels, "head", head.in_channels),
        )
        self.modality = modality
        self.projection = projection
        self.temporal = temporal
        self.head = head

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        mask = inputs[f"{self.modality}_mask"]
        features = self.temporal(self.projection(inputs[self.modality], mask), mask)
        return judged(self.head, features, mask, wanted)
