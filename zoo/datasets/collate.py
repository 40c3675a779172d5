"""Samples to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.utils.data import default_collate

from zoo.errors import DataError
from zoo.structures import ForgerySample


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
        require_size(image.shape, images[0].shape, sample["data_samples"])
    image = default_collate(images).permute(0, 3, 1, 2)  # stacked where a worker hands it over without another copy
    return {"inputs": {"image": image}, "data_samples": [sample["data_samples"] for sample in samples]}


def collate_clips(samples: Mapping | Sequence[Mapping]) -> dict:
    """One batch out of samples of ``ClipDataset``.

    Args:
        samples: ``{"inputs": {"image": uint8 [t, 3, h, w], "image_mask": bool [t]}, "data_samples": ForgerySample}``
            each; or what the dataset's ``__getitems__`` returns, which is a batch already.
    Returns:
        ``inputs`` with a leading batch dimension, each frame channels last; ``data_samples`` as a list.

    Raises:
        DataError: pictures of different sizes.
    """
    if isinstance(samples, Mapping):
        return dict(samples)
    images = [sample["inputs"]["image"].permute(0, 2, 3, 1) for sample in samples]
    for image, sample in zip(images, samples, strict=True):
        require_size(image.shape, images[0].shape, sample["data_samples"])
    image = default_collate(images).permute(0, 1, 4, 2, 3)
    mask = default_collate([sample["inputs"]["image_mask"] for sample in samples])
    return {
        "inputs": {"image": image, "image_mask": mask},
        "data_samples": [sample["data_samples"] for sample in samples],
    }


def require_size(shape: Sequence[int], first: Sequence[int], sample: ForgerySample) -> None:
    """Check that the picture of ``sample`` has the ``shape`` of the ``first`` of its batch, both [..., h, w, 3].

    Raises:
        DataError: it has not.
    """
    if tuple(shape) != tuple(first):
        raise DataError(
            f"Pictures of one batch have different sizes: {list(first)} and {list(shape)}.",
            where=sample.sample_id,
            next_step="Set image_size for the dataset, or preprocess with one --image-size.",
        )


def _padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
