"""wav2vec 2.0 (arXiv:2006.11477) and HuBERT (arXiv:2106.07447) through torchaudio."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import nn

from zoo.assets import Asset, Download, require
from zoo.errors import ConfigError, MissingDependency, did_you_mean
from zoo.features.embedder import AudioEmbedder, sounding
from zoo.features.networks import NetworkEmbedder, load_into

_RATE: Final = 16_000
_PIECE_S: Final = 20  # seconds embedded at a time, which bounds the memory of attention
_CONTEXT_S: Final = 1  # seconds of sound around a piece that its rows may look at

_SOURCE: Final = "https://download.pytorch.org/torchaudio/models"
WEIGHTS: Final[Mapping[str, Asset]] = MappingProxyType(
    {
        name: Download(name=file, url=f"{_SOURCE}/{file}", licence="MIT")
        for name, file in {
            "wav2vec2_base": "wav2vec2_fairseq_base_ls960.pth",
            "hubert_base": "hubert_fairseq_base_ls960.pth",
            "hubert_large": "hubert_fairseq_large_ll60k.pth",
        }.items()
    }
)
"""The publisher gives no SHA-256, so these are read where the user has placed them and never fetched."""


class SpeechEmbedder(NetworkEmbedder, AudioEmbedder):
    """Hidden states of a self-supervised speech model, joined to the video's times and projected to 512.

    Args:
        model: a model builder of ``torchaudio.models``, e.g. ``wav2vec2_base``, ``hubert_base``.
        model_arguments: of the builder, for those that need any (``wav2vec2_model``).
        weights: a file with the model's state dict; if None, the builder's own trained weights in the cache folder.
        layer: the transformer layer whose output is taken; -1 is the last.
        seed: of the projection.
        device: where the network runs.
    """

    def __init__(
        self,
        *,
        model: str = "wav2vec2_base",
        model_arguments: Mapping[str, Any] | None = None,
        weights: str | None = None,
        layer: int = -1,
        seed: int = 0,
        device: str = "cpu",
    ):
        super().__init__(seed=seed, device=device)
        self.model = model
        self.model_arguments = dict(model_arguments or {})
        self.weights_path = weights
        self.layer = layer

    def arguments(self) -> Mapping[str, Any]:
        return {"model": self.model, "model_arguments": self.model_arguments, "layer": self.layer}

    @property
    def width(self) -> int:
        return int(self.network.encoder.feature_projection.projection.out_features)

    def build(self) -> nn.Module:
        """The network with its weights.

        Raises:
            MissingDependency: torchaudio or the weights are absent; the error names the file to place.
            ConfigError: torchaudio has no such model.
            CheckpointError: the weights are another network's.
        """
        try:
            from torchaudio import models
        except (ImportError, OSError) as error:  # OSError: built for another torch
            raise MissingDependency.extra("torchaudio", "speech", where="SpeechEmbedder") from error
        builder = getattr(models, self.model, None)
        if builder is None or not self.model.startswith(("wav2vec2_", "hubert_", "wavlm_")):
            known = [name for name in dir(models) if name.startswith(("wav2vec2_", "hubert_", "wavlm_"))]
            raise ConfigError(
                f"torchaudio has no speech model {self.model!r}.{did_you_mean(self.model, known)}",
                where="SpeechEmbedder",
                next_step=f"Choose one of: {', '.join(known)}.",
            )
        if self.weights_path is None and self.model not in WEIGHTS:
            raise MissingDependency(
                f"No trained weights are known for {self.model}.",
                where="SpeechEmbedder",
                next_step="Pass weights=PATH.",
            )
        path = Path(self.weights_path) if self.weights_path is not None else require(WEIGHTS[self.model])
        return load_into(builder(**self.model_arguments), str(path), ignore=("aux.",))

    def embed(self, samples: np.ndarray, rate: int, times: np.ndarray) -> np.ndarray:
        out = np.zeros((len(times), self.dim), np.float32)
        heard = sounding(times, len(samples), rate)
        if heard.any():
            wave = _resampled(samples.astype(np.float32, copy=False), rate)
            out[heard] = self.project(self._at_times(wave, times[heard]))
        return out

    def _at_times(self, wave: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Hidden states float32 [t, width], interpolated linearly in time."""
        out = np.zeros((len(times), self.width), np.float32)
        field, stride = self._geometry()
        for first in range(0, len(wave), _PIECE_S * _RATE):
            begin = max(0, first - _CONTEXT_S * _RATE)
            piece = wave[begin : first + (_PIECE_S + _CONTEXT_S) * _RATE]
            rows = (times >= first / _RATE) & (times < first / _RATE + _PIECE_S)
            if not rows.any():
                continue
            piece = np.pad(piece, (0, max(0, field - len(piece))))
            with torch.inference_mode():
                layers, _ = self.network.extract_features(torch.from_numpy(piece)[None].to(self.device))
            states = layers[self.layer][0].float().cpu().numpy()
            centers = (begin + np.arange(len(states)) * stride + field / 2) / _RATE
            after = np.clip(np.searchsorted(centers, times[rows]), 1, max(1, len(centers) - 1))
            before, after = after - 1, np.minimum(after, len(centers) - 1)
            span = np.maximum(centers[after] - centers[before], 1e-9)
            share = np.clip((times[rows] - centers[before]) / span, 0, 1)[:, None].astype(np.float32)
            out[rows] = (1 - share) * states[before] + share * states[after]
        return out

    def _geometry(self) -> tuple[int, int]:
        """Receptive field and stride of the network's rows, in samples."""
        field, stride = 1, 1
        for block in self.network.feature_extractor.conv_layers:
            field += (block.conv.kernel_size[0] - 1) * stride
            stride *= block.conv.stride[0]
        return field, stride


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    if rate == _RATE:
        return samples
    common = gcd(rate, _RATE)
    return resample_poly(samples, _RATE // common, rate // common).astype(np.float32)
