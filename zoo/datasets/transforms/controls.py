"""Control tasks: pictures without what a detector should look at. One that still tells real from fake looks elsewhere.

A config for a test names them on top of the detector's own, here ``efficientnet_b4.py``::

    _base_ = "efficientnet_b4.py"
    test_dataloader = dict(dataset=dict(transforms=[dict(type="MaskedFace")]))

A detector that never saw such pictures may fail for that alone, so that one near chance proves little, and one above
it much.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from zoo.datasets.transforms.base import ImageTransform
from zoo.errors import ConfigError

_GREY: Final = 128


class MaskedFace(ImageTransform):
    """Hide an upright ellipse in the middle of a crop, where its face is; hair, neck and background stay.

    Args:
        width, height: of the ellipse, as shares of the crop's, in (0, 1].
        value: of the pixels inside, 0 to 255.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(self, *, width: float = 0.75, height: float = 0.95, value: int = _GREY):
        for name, share in (("width", width), ("height", height)):
            if not 0 < share <= 1:
                raise ConfigError(f"{name} must be in (0, 1]; it is {share}.", where="MaskedFace")
        self.width = width
        self.height = height
        self.value = _checked(value, "MaskedFace")

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        image = sample["image"].copy()
        y, x = (np.abs(2 * (np.arange(size) + 0.5) / size - 1) for size in image.shape[:2])
        image[(y[:, None] / self.height) ** 2 + (x[None] / self.width) ** 2 <= 1] = self.value
        sample["image"] = image
        return sample


class BackgroundOnly(ImageTransform):
    """Hide all of a crop but a frame along its sides, so that nothing of the person but hair and neck may be left.

    Args:
        border: width of the frame as a share of the crop's sides, in (0, 0.5); at least a pixel.
        value: of the pixels inside, 0 to 255.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(self, *, border: float = 0.1, value: int = _GREY):
        if not 0 < border < 0.5:
            raise ConfigError(f"border must be in (0, 0.5); it is {border}.", where="BackgroundOnly")
        self.border = border
        self.value = _checked(value, "BackgroundOnly")

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        image = sample["image"].copy()
        top, left = (max(1, round(self.border * size)) for size in image.shape[:2])
        image[top:-top, left:-left] = self.value
        sample["image"] = image
        return sample


def _checked(value: int, where: str) -> int:
    if not 0 <= value <= 255:
        raise ConfigError(f"value must be from 0 to 255; it is {value}.", where=where)
    return value
