"""Augmentation of pictures by albumentations, drawn from the sample's own generator."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from zoo._compat import import_albumentations
from zoo.datasets.transforms.base import ImageTransform
from zoo.errors import ConfigError, did_you_mean

_NAME: Final = "op"
_SEEDS: Final = 1 << 63


class Albumentations(ImageTransform):
    """Operations of albumentations, one after the other.

    Each is written as its class's name and arguments; those that choose among others hold them::

        ops=[
            dict(op="Rotate", limit=15, p=0.5),
            dict(op="OneOf", p=0.2, transforms=[dict(op="GaussianBlur", blur_limit=(3, 7)), dict(op="MedianBlur")]),
        ]

    They draw from the sample's generator (which costs 5 microseconds a picture, and 10 to make it), so that what comes
    out depends neither on the number of workers nor on the order of samples. The library's ``ImageCompression``
    takes the first channel for blue: of an RGB picture it keeps blue as finely as a JPEG file keeps red.

    Args:
        ops: as above; none leaves pictures as they are.

    Raises:
        ConfigError: no such operation, an argument that it does not take, or a value that it refuses.
    """

    def __init__(self, *, ops: Sequence[Mapping[str, Any]] = ()):
        self.ops = tuple(dict(op) for op in ops)
        self._make()

    def __call__(self, sample: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        if not self._steps:
            return sample
        self._random.seed(int(rng.integers(_SEEDS)))
        image = sample["image"]
        for step in self._steps:
            step.set_random_state(rng, self._random)
            image = step(image=image)["image"]
        if image.dtype != np.uint8:
            raise ConfigError(
                f"A picture came out as {image.dtype}; it must stay uint8.",
                where=type(self).__name__,
                next_step="Leave normalisation out: the detector does it.",
            )
        sample["image"] = image
        return sample

    def _make(self) -> None:
        self._steps = [_step(op, f"{type(self).__name__}.ops.{place}") for place, op in enumerate(self.ops)]
        self._random = random.Random(0)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_steps", "_random")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make()


def _step(config: Mapping[str, Any], where: str) -> Any:
    """The operation that ``config`` describes, and those that it holds."""
    library = import_albumentations()
    arguments = dict(config)
    name = arguments.pop(_NAME, None)
    known = {
        name: target
        for name, target in library.core.serialization.SERIALIZABLE_REGISTRY.items()
        if issubclass(target, library.BasicTransform | library.BaseCompose) and hasattr(library, name)
    }
    if name not in known:
        given = f"{name!r}" if name else f"named by {_NAME!r} in {sorted(config)}"
        raise ConfigError(
            f"albumentations has no operation {given}.{did_you_mean(str(name), known)}",
            where=where,
            next_step=f"Write dict({_NAME}='Rotate', limit=15, p=0.5), with the names of albumentations "
            f"{library.__version__}.",
        )
    if isinstance(held := arguments.get("transforms"), Sequence):
        arguments["transforms"] = [_step(item, f"{where}.transforms.{place}") for place, item in enumerate(held)]
    elif issubclass(known[name], library.BasicTransform):
        arguments["strict"] = True  # otherwise a mistake is a warning, and the defaults are taken
    try:
        return known[name](**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} refuses its arguments: {error}", where=where) from error
