"""Which frames of a clip are seen."""

from __future__ import annotations

import numpy as np

from zoo.datasets.transforms.base import FeatureTransform
from zoo.errors import ConfigError


class TemporalJitter(FeatureTransform):
    """Shift the window by up to ``max_shift`` frames, both streams together.

    Frames shifted out of the clip are masked; nothing wraps around to the other end.

    Args:
        max_shift: frames; the shift is uniform in [-max_shift, max_shift].
    """

    def __init__(self, *, max_shift: int = 3):
        if max_shift < 0:
            raise ConfigError(f"max_shift must not be negative; it is {max_shift}.", where="TemporalJitter")
        self.max_shift = max_shift

    def window(self, start: int, stop: int, length: int, rng: np.random.Generator) -> tuple[int, int]:
        reach = min(self.max_shift, stop - start - 1)  # a frame must remain
        shift = int(rng.integers(-reach, reach + 1))
        return start + shift, stop + shift


class RandomTemporalCrop(FeatureTransform):
    """Keep a random stretch of the window, between ``min_fraction`` and all of it.

    Args:
        min_fraction: share of the window's frames, in (0, 1]; at least one frame is kept.
        probability: of cropping at all, in [0, 1].
    """

    def __init__(self, *, min_fraction: float = 0.5, probability: float = 1.0):
        if not 0 < min_fraction <= 1 or not 0 <= probability <= 1:
            raise ConfigError(
                f"min_fraction must be in (0, 1] and probability in [0, 1]; they are {min_fraction}, {probability}.",
                where="RandomTemporalCrop",
            )
        self.min_fraction = min_fraction
        self.probability = probability

    def window(self, start: int, stop: int, length: int, rng: np.random.Generator) -> tuple[int, int]:
        if rng.random() >= self.probability:
            return start, stop
        count = stop - start
        kept = int(rng.integers(max(1, round(self.min_fraction * count)), count + 1))
        first = start + int(rng.integers(0, count - kept + 1))
        return first, first + kept
