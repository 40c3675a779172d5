"""The control: the same detector that sees the picture only, or hears the sound only."""

from __future__ import annotations

from typing import Literal

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths
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
        head: to fake logits [b].
        loss: the training loss; reads the fake logit only.

    Raises:
        ConfigError: an unknown modality, widths that do not meet, or a loss that compares modalities.
    """

    def __init__(
        self,
        *,
        modality: Literal["visual", "audio"],
        projection: Encoder,
        temporal: Encoder,
        head: Head,
        loss: Loss,
    ):
        super().__init__(loss=loss)
        if modality not in _MODALITIES:
            raise ConfigError(f"modality must be one of {_MODALITIES}, not {modality!r}.", where=type(self).__name__)
        if loss.uses != {"fake_logit"}:
            raise ConfigError(
                f"A detector of one modality has no {sorted(loss.uses - {'fake_logit'})}.",
                where=type(self).__name__,
                next_step="Leave InfoNCE losses out.",
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
        outputs = {"fake_logit": self.head(features, mask), "features": features, "frame_mask": mask}
        if "frame_logits" in wanted:
            outputs["frame_logits"] = self.head.frames(features)
        return outputs
