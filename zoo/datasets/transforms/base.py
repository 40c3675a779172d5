"""What transforms may do: those of feature sequences, and those of pictures."""

from __future__ import annotations

import numpy as np


class FeatureTransform:
    """A transform overrides ``window``, or ``__call__``, or both.

    The generator is the sample's own: it depends on the seed, the epoch and the sample's index alone, and all
    transforms of a sample draw from it in turn.
    """

    def window(self, start: int, stop: int, length: int, rng: np.random.Generator) -> tuple[int, int]:
        """Another window than frames ``start`` to ``stop`` of a clip of ``length`` frames.

        It must not be longer. Both streams share it, so their synchrony is kept. Where it reaches beyond the clip the
        sample is masked.
        """
        return start, stop

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The sample, its arrays changed in place or replaced by others of the same shape and type.

        Args:
            sample: ``visual`` and ``audio`` float32 [t, width], ``visual_mask`` and ``audio_mask`` bool [t]; a
                unimodal sample has one stream. Rows under a False mask are zero and must stay so.
        """
        return sample


class ImageTransform:
    """A transform of face crops overrides ``__call__``.

    The generator is the sample's own: it depends on the seed, the epoch and the sample's index alone, and all
    transforms of a sample draw from it in turn.
    """

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The sample, its arrays changed in place or replaced.

        Args:
            sample: ``image`` uint8 [h, w, 3], RGB. It stays uint8, and all samples of a dataset come out equally large.
        """
        raise NotImplementedError
