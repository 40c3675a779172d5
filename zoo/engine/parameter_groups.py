"""What the optimiser does to which parameter: smaller steps for early layers, weight decay for matrices alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mmengine.model import is_model_wrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from torch import nn

from zoo.errors import ConfigError


def parameter_depths(model: nn.Module) -> dict[str, int]:
    """How many layers lie between a parameter and the end of its backbone, by the parameter's name; 0 is the last.

    Backbones tell by a method ``depths()`` that gives this for their own parameters, each for itself: two branches of
    different depth both end at 0. Parameters of other parts (heads, fusions) are left out.
    """
    depths: dict[str, int] = {}
    for prefix, module in model.named_modules():
        if callable(tell := getattr(module, "depths", None)):
            depths |= {f"{prefix}.{name}" if prefix else name: depth for name, depth in tell().items()}
    return depths


def parameter_groups(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    layer_decay: float | None = None,
    decay_vectors: bool = True,
) -> list[dict[str, Any]]:
    """The trained parameters of ``model`` in groups for an optimiser, the largest steps first.

    Args:
        model: a detector.
        lr: step of parts without layers, and of the last layer of each backbone.
        weight_decay: of the parameters that have any.
        layer_decay: in (0, 1]; a layer steps this times as far as the next one (Clark et al. 2020, ELECTRA; Bao et al.
            2022, BEiT: 0.65 to 0.9 for vision transformers). None leaves all alike. A schedule that ends at one rate
            for all (``eta_min``) may lift the smallest; one that ends at a share (``eta_min_ratio``) does not.
        decay_vectors: also decay parameters of one dimension: scales and shifts of norms, biases.

    Returns:
        Groups with ``params``, ``lr``, ``weight_decay`` and ``depth``.

    Raises:
        ConfigError: a decay out of range, or no part of the model has layers.
    """
    depths: Mapping[str, int] = {}
    if layer_decay is not None:
        if not 0 < layer_decay <= 1:
            raise ConfigError(f"layer_decay must lie in (0, 1], not {layer_decay}.", where="optim_wrapper")
        depths = parameter_depths(model)
        if not depths:
            raise ConfigError(
                f"{type(model).__name__} has no backbone whose layers could be told apart.",
                where="optim_wrapper.layer_decay",
                next_step="Leave layer_decay out.",
            )
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        depth, decayed = depths.get(name, 0), decay_vectors or parameter.ndim > 1
        group = groups.setdefault(
            (depth, not decayed),
            {
                "params": [],
                "lr": lr * (layer_decay or 1.0) ** depth,
                "weight_decay": weight_decay if decayed else 0.0,
                "depth": depth,
            },
        )
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


class LayeredConstructor:
    """Builds an optim wrapper whose optimiser has `parameter_groups`; mmengine calls it with the model.

    Args:
        optim_wrapper_cfg: of the wrapper, with ``optimizer``, and ``layer_decay`` or ``decay_vectors``.
        paramwise_cfg: mmengine's own way of the same; refused beside these.
    """

    def __init__(self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: Mapping[str, Any] | None = None):
        if paramwise_cfg:
            raise ConfigError(
                "paramwise_cfg cannot be combined with layer_decay or decay_vectors.", where="optim_wrapper"
            )
        self.wrapper = dict(optim_wrapper_cfg)
        self.optimizer = dict(self.wrapper.pop("optimizer"))

    def __call__(self, model: nn.Module) -> Any:
        if "lr" not in self.optimizer:
            raise ConfigError("layer_decay needs the lr that it starts from.", where="optim_wrapper.optimizer")
        groups = parameter_groups(
            cast(nn.Module, model.module) if is_model_wrapper(model) else model,
            lr=self.optimizer["lr"],
            weight_decay=self.optimizer.get("weight_decay", 0.0),
            layer_decay=self.wrapper.get("layer_decay"),
            decay_vectors=self.wrapper.get("decay_vectors", True),
        )
        return OPTIM_WRAPPERS.build(
            self.wrapper, default_args={"optimizer": OPTIMIZERS.build(self.optimizer, default_args={"params": groups})}
        )
