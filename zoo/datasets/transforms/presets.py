"""Augmentations with a name: what a run uses is one word of its config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from zoo.datasets.transforms.albumentation import Albumentations
from zoo.errors import ConfigError, did_you_mean

_REFLECT: Final = 4  # cv2.BORDER_REFLECT_101: no black corners, whose size would tell the angle

_AREA: Final = {"upscale": 1, "downscale": 3}  # cv2.INTER_LINEAR, cv2.INTER_AREA
_NEAREST: Final = {"upscale": 0, "downscale": 0}  # cv2.INTER_NEAREST

PRESETS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "none": (),
    "guide": (
        {"op": "HorizontalFlip", "p": 0.5},
        {"op": "Rotate", "limit": 15, "border_mode": _REFLECT, "p": 0.5},
        {"op": "ImageCompression", "quality_range": (60, 100), "p": 0.5},
    ),
    "strong": (
        {"op": "HorizontalFlip", "p": 0.5},
        {
            "op": "Affine",
            "rotate": (-15, 15),
            "scale": (0.9, 1.1),
            "translate_percent": (-0.05, 0.05),
            "border_mode": _REFLECT,
            "p": 0.5,
        },
        {
            "op": "OneOf",
            "p": 0.3,
            "transforms": [
                {"op": "Downscale", "scale_range": (0.4, 0.9), "interpolation_pair": _AREA},
                {"op": "Downscale", "scale_range": (0.5, 0.9), "interpolation_pair": _NEAREST},
            ],
        },
        {
            "op": "OneOf",
            "p": 0.2,
            "transforms": [
                {"op": "GaussianBlur", "sigma_limit": (0.3, 1.8), "blur_limit": 0},
                {"op": "MotionBlur", "blur_limit": (3, 7)},
            ],
        },
        {
            "op": "OneOf",
            "p": 0.5,
            "transforms": [
                {"op": "RandomBrightnessContrast", "brightness_limit": 0.2, "contrast_limit": 0.2},
                {"op": "HueSaturationValue", "hue_shift_limit": 10, "sat_shift_limit": 25, "val_shift_limit": 20},
                {"op": "RGBShift", "r_shift_limit": 15, "g_shift_limit": 15, "b_shift_limit": 15},
            ],
        },
        {"op": "ToGray", "p": 0.1},
        {
            "op": "OneOf",
            "p": 0.2,
            "transforms": [
                {"op": "GaussNoise", "std_range": (0.01, 0.05)},
                {"op": "ISONoise", "color_shift": (0.01, 0.04), "intensity": (0.1, 0.4)},
            ],
        },
        {"op": "ImageCompression", "quality_range": (40, 100), "p": 0.5},
        {
            "op": "CoarseDropout",
            "num_holes_range": (1, 3),
            "hole_height_range": (0.1, 0.3),
            "hole_width_range": (0.1, 0.3),
            "fill": "random_uniform",
            "p": 0.3,
        },
    ),
}
"""What each name stands for, as `Albumentations` takes it.

``guide`` mirrors every other face, turns every other one by up to 15 degrees and saves every other one as a JPEG of
quality 60 to 100. ``strong`` adds what Internet video goes through, in the order in which it happens: another framing,
a smaller size and back, blur, colours, grey, noise, JPEG down to quality 40; and last it covers parts of the face, so
that no one place decides. It follows what the winner of the DFDC used (Seferbekov, 2020: compression, noise, blur,
scaling by several interpolations, colours, grey, shifts, cut-out) and DeepfakeBench (Yan et al., NeurIPS 2023: flip,
rotation, blur, brightness and contrast, compression from 40 on). ``none`` is none.
"""


class AugmentationPreset(Albumentations):
    """One of `PRESETS` by its name; in a config that has it, ``...transforms.0.name=strong`` is all there is to change.

    Args:
        name: ``guide``, ``strong`` or ``none``.

    Raises:
        ConfigError: there is no such preset.
    """

    def __init__(self, *, name: str = "guide"):
        if name not in PRESETS:
            raise ConfigError(
                f"There is no augmentation preset {name!r}.{did_you_mean(name, PRESETS)}",
                where="AugmentationPreset.name",
                next_step=f"Presets are {', '.join(PRESETS)}; anything else is written with Albumentations(ops=[...]).",
            )
        self.name = name
        super().__init__(ops=PRESETS[name])
