"""Frames of one face, an image backbone on each, a transformer along time, one logit."""

from __future__ import annotations

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths
from zoo.detectors.parts import Encoder, Head, ImageEncoder, Loss
from zoo.detectors.pictures import PixelNormalisation, require_logit_loss
from zoo.errors import DataError


class ClipDetector(Detector):
    """A detector of clips of face crops.

    It takes ``inputs["image"]`` [b, t, 3, h, w], values in [0, 255], and ``inputs["image_mask"]`` bool [b, t], True
    where there is a frame; others are neither read nor computed.

    Notation: b clips, t frames, i backbone channels, d channels.

    Args:
        backbone: pictures to pooled features [n, 1, i].
        projection: features [b, t, i] to [b, t, d].
        temporal: along time, [b, t, d] to [b, t, d]; it knows frames by their place in the clip.
        head: to fake logits [b], and frame by frame [b, t].
        loss: the training loss; reads the fake logit only.

    Raises:
        ConfigError: widths that do not meet, or a loss that reads something else.
    """

    def __init__(self, *, backbone: ImageEncoder, projection: Encoder, temporal: Encoder, head: Head, loss: Loss):
        super().__init__(loss=loss)
        require_logit_loss(self, loss)
        check_widths(
            self,
            ("backbone", backbone.out_channels, "projection", projection.in_channels),
            ("projection", projection.out_channels, "temporal", temporal.in_channels),
            ("temporal", temporal.out_channels, "head", head.in_channels),
        )
        self.normalise = PixelNormalisation(backbone)
        self.backbone = backbone
        self.projection = projection
        self.temporal = temporal
        self.head = head

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        image, mask = inputs["image"], inputs["image_mask"]
        if image.ndim != 5 or mask.shape != image.shape[:2]:
            raise DataError(
                f"A batch of clips is [b, t, 3, h, w] with a mask [b, t], not {list(image.shape)} and "
                f"{list(mask.shape)}.",
                where="inputs['image']",
            )
        seen = self.backbone(self.normalise(image[mask]))
        if seen.shape[1] != 1:
            raise DataError(
                f"The backbone gives {seen.shape[1]} positions a frame; a clip takes one.",
                where=type(self).__name__,
                next_step="Set pooled=True of the backbone.",
            )
        frames = seen.new_zeros(*mask.shape, seen.shape[-1])
        frames[mask] = seen[:, 0]
        features = self.temporal(self.projection(frames, mask), mask)
        outputs = {"fake_logit": self.head(features, mask), "frame_mask": mask}
        if "frame_logits" in wanted:
            outputs["frame_logits"] = self.head.frames(features)
        return outputs
