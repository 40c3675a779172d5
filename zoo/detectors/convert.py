"""Checkpoints of the original cross-modal training script, as `CrossModalTransformer`.

The script saves ``{"model_state_dict", "config", ...}`` with one logit where 1 means REAL; here 1 is fake, so the last
layer changes its sign. Its layers are post-norm without positions, its contrastive loss takes every clip for a pair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from zoo.errors import CheckpointError

_PROJECTIONS: Final = {"visual_projection": "v_proj", "audio_projection": "a_proj"}
_DIRECTIONS: Final = {"audio_to_visual": "a2v", "visual_to_audio": "v2a"}
_LAST: Final = "head.net.3"


def convert_cross_modal(
    checkpoint: Mapping[str, Any], *, num_heads: int | None = None, where: object = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Architecture and weights of a checkpoint of the original script.

    Widths and depth are read from the tensors and must agree with the checkpoint's ``config``. The number of heads
    leaves no trace in the tensors: it must be in the ``config`` or given.

    Args:
        checkpoint: what the file holds.
        num_heads: attention heads, where the ``config`` does not tell.
        where: the file, for messages.

    Returns:
        The model's config, and the state dict of the detector that it builds.

    Raises:
        CheckpointError: an architecture field is missing or contradicts another, or a tensor is missing or left over.
    """
    source = _Tensors(checkpoint, where)
    config = _config_of(checkpoint, where)
    hidden, visual_width = source.matrix("v_proj.0.weight")
    _, audio_width = source.matrix("a_proj.0.weight")
    layers = source.count(r"temporal_encoder\.layers\.(\d+)\.")
    heads = _heads(config, num_heads, where)
    _agree("hidden", config.get("hidden"), hidden, where)
    _agree("num_layers", config.get("num_layers"), layers, where)
    if hidden % heads:
        raise CheckpointError(f"{heads} heads do not divide the width {hidden}.", where=where)
    weights = _weights(source, layers)
    source.finish()
    architecture = _architecture(
        hidden=hidden,
        layers=layers,
        heads=heads,
        visual_width=visual_width,
        audio_width=audio_width,
        feedforward=weights["temporal.layers.0.expand.weight"].shape[0],
        head_width=weights["head.net.0.weight"].shape[0],
        embedding_width=weights["embedding.net.2.weight"].shape[0],
        config=config,
    )
    return architecture, weights


def _architecture(
    *,
    hidden: int,
    layers: int,
    heads: int,
    visual_width: int,
    audio_width: int,
    feedforward: int,
    head_width: int,
    embedding_width: int,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    dropout = float(config.get("dropout", 0.1))  # training only: the logits do not depend on it
    projection = {"type": "FeatureProjection", "out_channels": hidden, "dropout": dropout}
    return {
        "type": "CrossModalTransformer",
        "visual_projection": {**projection, "in_channels": visual_width},
        "audio_projection": {**projection, "in_channels": audio_width},
        "fusion": {
            "type": "CrossAttentionFusion",
            "channels": hidden,
            "num_heads": heads,
            "direction": "bidirectional",
            "dropout": dropout,
        },
        "temporal": {
            "type": "TemporalTransformer",
            "channels": hidden,
            "num_layers": layers,
            "num_heads": heads,
            "feedforward_channels": feedforward,
            "dropout": dropout,
            "positions": "none",
            "norm": "post",
        },
        "head": {
            "type": "ClassificationHead",
            "in_channels": hidden,
            "hidden_channels": head_width,
            "dropout": dropout,
        },
        "embedding": {"type": "EmbeddingHead", "in_channels": hidden, "out_channels": embedding_width},
        "loss": {
            "type": "CombinedLoss",
            "terms": {
                "bce": {
                    "type": "BinaryCrossEntropyLoss",
                    "label_smoothing": float(config.get("label_smoothing", 0.0)),
                },
                "info_nce": {"type": "InfoNCELoss"},
            },
            "weights": {"info_nce": float(config.get("contrastive_weight", 0.5))},
        },
    }


def _weights(source: _Tensors, layers: int) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}

    def layer(name: str, original: str) -> None:
        for kind in ("weight", "bias"):
            weights[f"{name}.{kind}"] = source.take(f"{original}.{kind}")

    for name, original in _PROJECTIONS.items():
        layer(f"{name}.linear", f"{original}.0")
        layer(f"{name}.norm", f"{original}.1")
    for name, original in _DIRECTIONS.items():
        attention = f"fusion.{name}.attention"
        for kind in ("weight", "bias"):
            fused = source.take(f"{original}_attn.in_proj_{kind}")
            query, key_value = fused.split((len(fused) // 3, len(fused) - len(fused) // 3))
            weights[f"{attention}.query.{kind}"] = query.clone()
            weights[f"{attention}.key_value.{kind}"] = key_value.clone()
        layer(f"{attention}.out", f"{original}_attn.out_proj")
        layer(f"fusion.{name}.norm", f"{original}_norm")
    for index in range(layers):
        name, original = f"temporal.layers.{index}", f"temporal_encoder.layers.{index}"
        for kind in ("weight", "bias"):
            weights[f"{name}.attention.qkv.{kind}"] = source.take(f"{original}.self_attn.in_proj_{kind}")
        layer(f"{name}.attention.out", f"{original}.self_attn.out_proj")
        layer(f"{name}.attention_norm", f"{original}.norm1")
        layer(f"{name}.expand", f"{original}.linear1")
        layer(f"{name}.contract", f"{original}.linear2")
        layer(f"{name}.feedforward_norm", f"{original}.norm2")
    layer("head.net.0", "classifier.0")
    layer(_LAST, "classifier.3")
    for kind in ("weight", "bias"):  # real = 1 there, fake = 1 here
        weights[f"{_LAST}.{kind}"] = -weights[f"{_LAST}.{kind}"]
    layer("embedding.net.0", "contrast_proj.0")
    layer("embedding.net.2", "contrast_proj.2")
    return weights


class _Tensors:
    """The checkpoint's tensors, of which each must be taken exactly once."""

    def __init__(self, checkpoint: Mapping[str, Any], where: object):
        state = checkpoint.get("model_state_dict")
        if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
            raise CheckpointError(
                "The checkpoint has no 'model_state_dict' of tensors.",
                where=where,
                next_step="Give a file that the original cross-modal training script saved.",
            )
        self._left = {str(name).removeprefix("module."): tensor.float() for name, tensor in state.items()}
        self._where = where

    def take(self, name: str) -> Tensor:
        try:
            return self._left.pop(name)
        except KeyError:
            raise CheckpointError(f"The checkpoint has no tensor {name!r}.", where=self._where) from None

    def matrix(self, name: str) -> tuple[int, int]:
        tensor = self._left.get(name, torch.empty(0))
        if tensor.ndim != 2:
            raise CheckpointError(f"The checkpoint has no matrix {name!r}.", where=self._where)
        return tensor.shape[0], tensor.shape[1]

    def count(self, pattern: str) -> int:
        found = {int(match[1]) for name in self._left if (match := re.match(pattern, name))}
        if not found or found != set(range(len(found))):
            raise CheckpointError(f"The layers of the checkpoint are numbered {sorted(found)}.", where=self._where)
        return len(found)

    def finish(self) -> None:
        if self._left:
            raise CheckpointError(
                f"{len(self._left)} tensors have no place in the model: {', '.join(sorted(self._left)[:5])}.",
                where=self._where,
                next_step="The checkpoint is of another architecture; it is not converted in part.",
            )


def _config_of(checkpoint: Mapping[str, Any], where: object) -> Mapping[str, Any]:
    config = checkpoint.get("config", {})
    if not isinstance(config, Mapping):
        raise CheckpointError(f"'config' is a {type(config).__name__}, not a mapping.", where=where)
    return config


def _heads(config: Mapping[str, Any], given: int | None, where: object) -> int:
    recorded = config.get("num_heads")
    if recorded is None and given is None:
        raise CheckpointError(
            "The checkpoint does not tell its number of attention heads, and the tensors do not either.",
            where=where,
            next_step="Give --num-heads N as the model was trained; a wrong N loads and gives other logits.",
        )
    if recorded is not None and given is not None:
        _agree("num_heads", recorded, given, where)
    heads = given if recorded is None else recorded
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1:
        raise CheckpointError(f"The number of heads is {heads!r}.", where=where)
    return heads


def _agree(field: str, recorded: object, found: int, where: object) -> None:
    if recorded is not None and recorded != found:
        raise CheckpointError(f"The checkpoint's config says {field} = {recorded}; it is {found}.", where=where)
