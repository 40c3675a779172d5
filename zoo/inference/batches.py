"""Batches that are filled across files: crops come file by file, and are scored so many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from zoo.inference.backends.base import Backend


class CropBatches:
    """Scores crops in batches of one size, whatever number of them a file has.

    Every batch that the backend sees has the same size, the last one filled up with black: what a crop scores then
    depends on nothing but itself, however files are mixed and wherever a run was interrupted.

    Args:
        backend: gives fake logits.
        batch_size: crops a batch.
        image_size: side of a crop in pixels.
    """

    def __init__(self, backend: Backend, *, batch_size: int, image_size: int):
        self.batch_size = batch_size
        self._backend = backend
        self._pictures = np.zeros((batch_size, image_size, image_size, 3), np.uint8)
        self._owners: list[str] = []  # of the crops in `_pictures`
        self._missing: dict[str, int] = {}
        self._logits: dict[str, list[float]] = {}

    def add(self, key: str, crops: np.ndarray) -> Iterator[tuple[str, list[float]]]:
        """Take the crops of a file, uint8 [n, size, size, 3] with n > 0.

        Yields:
            (key, fake logits) of every file that is complete now, its logits in the order of its crops.
        """
        self._missing[key], self._logits[key] = len(crops), []
        for crop in crops:
            self._pictures[len(self._owners)] = crop
            self._owners.append(key)
            if len(self._owners) == len(self._pictures):
                yield from self.flush()

    def flush(self) -> Iterator[tuple[str, list[float]]]:
        """Score what waits for a full batch; yields as `add`."""
        if not self._owners:
            return
        count = len(self._owners)
        self._pictures[count:] = 0
        images = torch.from_numpy(self._pictures).permute(0, 3, 1, 2)
        logits = self._backend(images)[:count].tolist()
        owners, self._owners = self._owners, []
        for key, logit in zip(owners, logits, strict=True):
            self._logits[key].append(logit)
            self._missing[key] -= 1
            if not self._missing[key]:
                del self._missing[key]
                yield key, self._logits.pop(key)
