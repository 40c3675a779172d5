"""Samples to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch


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


def _padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
