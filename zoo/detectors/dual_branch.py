"""Colours and frequencies of one picture: two branches, a fusion, one logit."""

from __future__ import annotations

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths
from zoo.detectors.parts import Encoder, Fusion, Head, ImageEncoder, Loss
from zoo.detectors.pictures import PixelNormalisation, require_logit_loss, stream_of
from zoo.errors import DataError


class DualBranchDetector(Detector):
    """A detector of single face crops that looks at pixels and at their frequencies.

    It takes ``inputs["image"]`` [b, 3, h, w], values in [0, 255], and normalises them for each branch by the branch's
    own mean and deviation.

    Notation: b pictures, n positions (1 where backbones pool), d channels.

    Args:
        rgb: pictures to features [b, n, ...].
        frequency: likewise, with as many positions.
        rgb_projection: features of the first branch to [b, n, d].
        frequency_projection: features of the second to [b, n, d].
        fusion: both to one [b, n, ...]. Pooled features are concatenated or gated; positions can also attend to
            each other.
        head: to fake logits [b].
        loss: the training loss; reads the fake logit only.

    Raises:
        ConfigError: widths that do not meet, or a loss that reads something else.
    """

    def __init__(
        self,
        *,
        rgb: ImageEncoder,
        frequency: ImageEncoder,
        rgb_projection: Encoder,
        frequency_projection: Encoder,
        fusion: Fusion,
        head: Head,
        loss: Loss,
    ):
        super().__init__(loss=loss)
        require_logit_loss(self, loss)
        check_widths(
            self,
            ("rgb", rgb.out_channels, "rgb_projection", rgb_projection.in_channels),
            ("frequency", frequency.out_channels, "frequency_projection", frequency_projection.in_channels),
            ("rgb_projection", rgb_projection.out_channels, "fusion", fusion.in_channels),
            ("frequency_projection", frequency_projection.out_channels, "fusion", fusion.in_channels),
            ("fusion", fusion.out_channels, "head", head.in_channels),
        )
        self.rgb_normalise = PixelNormalisation(rgb)
        self.frequency_normalise = PixelNormalisation(frequency)
        self.rgb = rgb
        self.frequency = frequency
        self.rgb_projection = rgb_projection
        self.frequency_projection = frequency_projection
        self.fusion = fusion
        self.head = head

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        rgb, mask = stream_of(inputs, self.rgb_normalise, self.rgb)
        frequency, frequency_mask = stream_of(inputs, self.frequency_normalise, self.frequency)
        if mask.shape != frequency_mask.shape:
            raise DataError(
                f"The branches see {mask.shape[1]} and {frequency_mask.shape[1]} positions, which cannot be fused.",
                where=type(self).__name__,
                next_step="Use backbones that pool, or a transform that keeps the picture's size.",
            )
        fused, mask = self.fusion(
            self.rgb_projection(rgb, mask), self.frequency_projection(frequency, frequency_mask), mask, frequency_mask
        )
        return {"fake_logit": self.head(fused, mask)}
