"""Does the sound belong to the picture? Two streams, attention across them, a transformer along time, one logit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths, given_by, judged
from zoo.detectors.parts import Encoder, Fusion, Head, Loss
from zoo.errors import ConfigError

_EMBEDDINGS = frozenset({"visual_embedding", "audio_embedding", "visual_frames", "audio_frames"})


class CrossModalTransformer(Detector):
    """An audio-visual detector composed of registered parts.

    Notation: b clips, t frames, d channels, e embedding channels.

    Args:
        visual_projection: stored visual features to [b, t, d].
        audio_projection: stored audio features to [b, t, d].
        fusion: both streams to one [b, t, d].
        temporal: the fused stream along time to [b, t, d].
        head: to fake logits [b], or also to where in time a clip is fake.
        loss: the training loss.
        embedding: the projected streams to unit vectors [b, e], for ``synchrony`` and contrastive losses; None when
            there are neither.
        synchrony: the embedded frames of both streams to [b, t, d], added to the fused stream; None leaves it out.
        proposals: how a localizing head's outputs become segments (`zoo.detectors.proposals.ProposalDecoder`).

    Raises:
        ConfigError: widths that do not meet, an embedding head without a use or a use without it, or a loss that reads
            what the head does not give.
    """

    def __init__(
        self,
        *,
        visual_projection: Encoder,
        audio_projection: Encoder,
        fusion: Fusion,
        temporal: Encoder,
        head: Head,
        loss: Loss,
        embedding: Head | None = None,
        synchrony: Fusion | None = None,
        proposals: Mapping[str, Any] | None = None,
    ):
        super().__init__(loss=loss, proposals=proposals)
        check_widths(
            self,
            ("visual_projection", visual_projection.out_channels, "fusion", fusion.in_channels),
            ("audio_projection", audio_projection.out_channels, "fusion", fusion.in_channels),
            ("fusion", fusion.out_channels, "temporal", temporal.in_channels),
            ("temporal", temporal.out_channels, "head", head.in_channels),
        )
        compared = synchrony is not None or bool(loss.uses & _EMBEDDINGS)
        if compared != (embedding is not None):
            raise ConfigError(
                "The loss or the synchrony part compares embeddings, but there is no embedding head."
                if compared
                else "There is an embedding head, but nothing compares embeddings.",
                where=type(self).__name__,
                next_step="Give `embedding` together with an InfoNCE loss or `synchrony`, or neither.",
            )
        if missing := loss.uses - _EMBEDDINGS - given_by(head):
            raise ConfigError(
                f"The loss reads {sorted(missing)}, which a {type(head).__name__} does not give.",
                where=type(self).__name__,
                next_step="Losses of segments want a LocalizationHead, those of modalities one with modalities=True.",
            )
        if embedding is not None:
            check_widths(self, ("fusion", fusion.in_channels, "embedding", embedding.in_channels))
        if synchrony is not None and embedding is not None:
            check_widths(
                self,
                ("embedding", embedding.out_channels, "synchrony", synchrony.in_channels),
                ("synchrony", synchrony.out_channels, "temporal", temporal.in_channels),
            )
        self.visual_projection = visual_projection
        self.audio_projection = audio_projection
        self.fusion = fusion
        self.temporal = temporal
        self.head = head
        self.embedding = embedding
        self.synchrony = synchrony

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        visual_mask, audio_mask = inputs["visual_mask"], inputs["audio_mask"]
        visual = self.visual_projection(inputs["visual"], visual_mask)
        audio = self.audio_projection(inputs["audio"], audio_mask)
        outputs = {"visual_mask": visual_mask, "audio_mask": audio_mask}
        if self.embedding is not None:
            outputs |= self._embed(self.embedding, visual, audio, visual_mask, audio_mask, wanted)
        fused, mask = self.fusion(visual, audio, visual_mask, audio_mask)
        if self.synchrony is not None:
            frames = outputs["visual_frames"], outputs["audio_frames"]
            fused = fused + self.synchrony(*frames, visual_mask, audio_mask)[0]
        return outputs | judged(self.head, self.temporal(fused, mask), mask, wanted)

    def _embed(
        self,
        embedding: Head,
        visual: Tensor,
        audio: Tensor,
        visual_mask: Tensor,
        audio_mask: Tensor,
        wanted: frozenset[str],
    ) -> Outputs:
        outputs = {}
        for name, stream, mask in (("visual", visual, visual_mask), ("audio", audio, audio_mask)):
            if f"{name}_embedding" in wanted:
                outputs[f"{name}_embedding"] = embedding(stream, mask)
            if f"{name}_frames" in wanted or self.synchrony is not None:
                outputs[f"{name}_frames"] = embedding.frames(stream)
        return outputs
