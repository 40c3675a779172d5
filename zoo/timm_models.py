"""Models of timm by name: mistaken names, and trained weights that cannot be had, are named clearly."""

from __future__ import annotations

from typing import Any

import timm
from torch import nn

from zoo.errors import ConfigError, MissingDependency, did_you_mean


def require_model(name: str, *, where: object) -> None:
    """Raise `ConfigError`, with the names nearest to it, where timm has no model ``name``."""
    if not timm.is_model(name):
        raise ConfigError(f"timm has no model {name!r}.{did_you_mean(name, timm.list_models())}", where=where)


def pretrained_model(name: str, *, where: object, **options: Any) -> nn.Module:
    """The model ``name`` without its classifier, with timm's own trained weights, out of timm's cache or the network.

    Args:
        name: a model that timm has.
        where: what asks for it, for the error.
        **options: arguments of the model.

    Raises:
        MissingDependency: the weights are not at hand, or timm has none of this model.
    """
    try:
        return timm.create_model(name, pretrained=True, num_classes=0, **options)
    except Exception as error:  # the hub's client raises whatever its HTTP library does
        raise MissingDependency(
            f"timm's weights of {name} are not in its cache and could not be fetched: {error}",
            where=where,
            next_step=f"Download {_source(name)} elsewhere and pass weights=PATH with it, or pretrained=False "
            "for random weights.",
        ) from error


def _source(name: str) -> str:
    """Where timm takes the trained weights of a model from."""
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.hf_hub_id:
        return f"model.safetensors of https://huggingface.co/{config.hf_hub_id}"
    return str(config.url) if config is not None and config.url else "the model's trained weights"
