"""One backbone on one picture, one logit."""

from __future__ import annotations

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths
from zoo.detectors.parts import Head, ImageEncoder, Loss
from zoo.detectors.pictures import PixelNormalisation, require_logit_loss, stream_of


class ImageDetector(Detector):
    """A detector of single face crops: any image backbone and a head.

    It takes ``inputs["image"]`` [b, 3, h, w], values in [0, 255], and normalises them by the backbone's own mean and
    deviation.

    Args:
        backbone: pictures to features [b, n, d].
        head: features to fake logits [b].
        loss: the training loss; reads the fake logit only.

    Raises:
        ConfigError: widths that do not meet, or a loss that reads something else.
    """

    def __init__(self, *, backbone: ImageEncoder, head: Head, loss: Loss):
        super().__init__(loss=loss)
        require_logit_loss(self, loss)
        check_widths(self, ("backbone", backbone.out_channels, "head", head.in_channels))
        self.normalise = PixelNormalisation(backbone)
        self.backbone = backbone
        self.head = head

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        return {"fake_logit": self.head(*stream_of(inputs, self.normalise, self.backbone))}
