"""Any image model of timm as a visual embedder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import timm
import torch
from torch import nn

from zoo.features.networks import FaceNetworkEmbedder, load_into
from zoo.timm_models import pretrained_model, require_model


class TimmEmbedder(FaceNetworkEmbedder):
    """Pooled features of a timm model on face cuts, projected to 512.

    Args:
        name: of the model, e.g. ``efficientnet_b0``.
        pretrained: use trained weights (`zoo.timm_models.pretrained_model`), from a cache or the network on first use.
        weights: a file with a state dict of the model, in place of those.
        size: side of the cuts in pixels; the model's own input size if None.
        margin: side of the cut as a multiple of the face box's longer side.
        batch_size: cuts a forward pass.
        seed: of the projection, and of the network when it has no trained weights.
        device: where the network runs.

    Raises:
        ConfigError: timm has no such model.
    """

    def __init__(
        self,
        name: str,
        *,
        pretrained: bool = True,
        weights: str | None = None,
        size: int | None = None,
        margin: float = 1.3,
        batch_size: int = 32,
        seed: int = 0,
        device: str = "cpu",
    ):
        require_model(name, where="TimmEmbedder")
        self.name = name
        self.pretrained = pretrained
        self.weights_path = weights
        config = timm.get_pretrained_cfg(name)
        side = size or (224 if config is None else config.input_size[-1])
        super().__init__(size=side, margin=margin, batch_size=batch_size, seed=seed, device=device)

    def arguments(self) -> Mapping[str, Any]:
        return {"name": self.name, "size": self.size, "margin": self.margin}

    @cached_property
    def width(self) -> int:
        return int(getattr(self.network, "head_hidden_size", self.network.num_features))

    def build(self) -> nn.Module:
        if self.weights_path is not None:
            network = timm.create_model(self.name, num_classes=0)
            return load_into(network, self.weights_path, ignore=_classifier_keys(network))
        if not self.pretrained:
            return timm.create_model(self.name, num_classes=0)
        return pretrained_model(self.name, where=f"TimmEmbedder(name={self.name!r})")

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        config = self.network.pretrained_cfg
        mean = torch.tensor(config["mean"], device=pixels.device).view(1, 3, 1, 1) * 255
        std = torch.tensor(config["std"], device=pixels.device).view(1, 3, 1, 1) * 255
        return (pixels - mean) / std


def _classifier_keys(network: Any) -> tuple[str, ...]:
    classifier = network.pretrained_cfg.get("classifier") or ()
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    return tuple(f"{name}." for name in names)
