"""Features and whole modalities that are hidden from the model while it trains."""

from __future__ import annotations

from typing import Literal

import numpy as np

from zoo.datasets.transforms.base import FeatureTransform
from zoo.errors import ConfigError


class FeatureDropout(FeatureTransform):
    """Set random parts of each stream to zero; the masks stay.

    Args:
        probability: share that is dropped, in [0, 1).
        along: ``frames`` drops whole rows, ``dims`` the same dimensions in all rows, each stream on its own.
    """

    def __init__(self, *, probability: float = 0.1, along: Literal["frames", "dims"] = "frames"):
        if not 0 <= probability < 1 or along not in ("frames", "dims"):
            raise ConfigError(
                f"probability must be in [0, 1) and along 'frames' or 'dims'; they are {probability}, {along!r}.",
                where="FeatureDropout",
            )
        self.probability = probability
        self.along = along

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        for name in ("visual", "audio"):
            if name in sample:
                rows, width = sample[name].shape
                dropped = rng.random(rows if self.along == "frames" else width) < self.probability
                sample[name][(dropped,) if self.along == "frames" else (slice(None), dropped)] = 0
        return sample


class ModalityDropout(FeatureTransform):
    """Hide one of the two modalities: its rows become zero and its mask False. Never both.

    A sample that has frames of one modality only is left as it is.

    Args:
        probability: of hiding one, in [0, 1]; which one is an even draw.
    """

    def __init__(self, *, probability: float = 0.1):
        if not 0 <= probability <= 1:
            raise ConfigError(f"probability must be in [0, 1]; it is {probability}.", where="ModalityDropout")
        self.probability = probability

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        draw, name = rng.random(), ("visual", "audio")[int(rng.integers(2))]
        if draw < self.probability and all(sample.get(f"{key}_mask", np.zeros(1)).any() for key in ("visual", "audio")):
            sample[name][:] = 0
            sample[f"{name}_mask"][:] = False
        return sample
