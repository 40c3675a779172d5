"""Samples to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.utils.data import default_collate

from zoo.errors import DataError


def collate_features(samples: Mapping | Sequence[Mapping]) -> dict:
    """One batch out of samples of ``FeatureDataset``, padded to the longest.

    Args:
        samples: ``{"inputs": {name: tensor [t, ...]}, "data_samples": ForgerySample}`` each; or what the dataset's
            ``__getitems__`` returns, which is a batch already.
    Returns:
        ``inputs`` with a leading batch dimension, zero (and False) where padded; ``data_samples`` as a list.
    """
    if isinstance(samples, Mapping):
        return dict(samples)
    inputs = {name: _padded([sample["inputs"][name] for sample in samples]) for name in samples[0]["inputs"]}
    return {"inputs": inputs, "data_samples": [sample["data_samples"] for sample in samples]}


def collate_crops(samples: Mapping | Sequence[Mapping]) -> dict:
    """One batch out of samples of ``CropDataset``.

    Args:
        samples: ``{"inputs": {"image": uint8 [3, h, w]}, "data_samples": ForgerySample}`` each; or what the dataset's
            ``__getitems__`` returns, which is a batch already.
    Returns:
        ``inputs`` with ``image`` uint8 [b, 3, h, w] in the memory format ``torch.channels_last``; ``data_samples`` as a
        list.

    Raises:
        DataError: pictures of different sizes.
    """
    if isinstance(samples, Mapping):
        return dict(samples)
    images = [sample["inputs"]["image"].permute(1, 2, 0) for sample in samples]
    for image, sample in zip(images, samples, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"Crops of one batch have different sizes: {list(images[0].shape)} and {list(image.shape)}.",
                where=sample["data_samples"].sample_id,
                next_step="Set image_size for the dataset, or preprocess with one --image-size.",
            )
    image = default_collate(images).permute(0, 3, 1, 2)  # stacked where a worker hands it over without another copy
    return {"inputs": {"image": image}, "data_samples": [sample["data_samples"] for sample in samples]}


def _padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
