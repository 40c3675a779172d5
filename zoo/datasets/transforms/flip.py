"""Mirrored pictures."""

from __future__ import annotations

import numpy as np

from zoo.datasets.transforms.base import ImageTransform
from zoo.errors import ConfigError


class HorizontalFlip(ImageTransform):
    """Exchange left and right.

    Args:
        probability: of doing so, in [0, 1].
    """

    def __init__(self, *, probability: float = 0.5):
        if not 0 <= probability <= 1:
            raise ConfigError(f"probability must be in [0, 1]; it is {probability}.", where="HorizontalFlip")
        self.probability = probability

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        if rng.random() < self.probability:
            sample["image"] = sample["image"][:, ::-1]
        return sample
