"""Low-rank adaptation of linear layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError


class LoRA:
    """Everything keeps its trained value but a low-rank sum to some linear layers: ``W + (alpha / rank) up down``.

    Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models". ``up`` [out, rank] begins at zero, so that
    training begins at the trained model. The sum is computed beside the layer and stays apart in checkpoints, whose
    other names are those of the plain model.

    Args:
        rank: of the sum, at least 1.
        alpha: its scale; ``rank`` if None, which makes the factor 1.
        dropout: probability on the input of the sum, in [0, 1).
        layers: last names of the linear layers: ``qkv`` and ``proj`` are the attention of timm's transformers, ``fc1``
            and ``fc2`` their feed-forward nets.

    Raises:
        ConfigError: a figure out of range.
    """

    def __init__(
        self,
        *,
        rank: int = 8,
        alpha: float | None = None,
        dropout: float = 0.0,
        layers: Sequence[str] = ("qkv", "proj"),
    ):
        if rank < 1 or not 0 <= dropout < 1 or not layers:
            raise ConfigError(
                f"rank={rank} must be at least 1, dropout={dropout} lie in [0, 1) and layers={list(layers)} not be "
                "empty.",
                where="LoRA",
            )
        self.rank = rank
        self.alpha = float(rank if alpha is None else alpha)
        self.dropout = dropout
        self.layers = tuple(layers)

    def apply(self, model: nn.Module, *, where: object) -> None:
        """Freeze ``model`` and give its layers their sums, in place.

        Raises:
            ConfigError: it has none of the layers.
        """
        model.requires_grad_(False)
        found = [
            name
            for name, module in model.named_modules()
            if name.rpartition(".")[2] in self.layers and type(module) is nn.Linear
        ]
        if not found:
            raise ConfigError(
                f"The model has no linear layer called {' or '.join(self.layers)}.",
                where=where,
                next_step="Name layers that it has, or use a vision transformer.",
            )
        for name in found:
            owner, _, last = name.rpartition(".")
            linear: Any = model.get_submodule(name)
            setattr(model.get_submodule(owner), last, LowRankLinear(linear, self.rank, self.alpha, self.dropout))


class LowRankLinear(nn.Linear):
    """The layer ``linear``, frozen, and a trained low-rank sum to it."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, dropout: float):
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias

        self.lora_down = nn.Parameter(linear.weight.new_empty(rank, linear.in_features))
        self.lora_up = nn.Parameter(linear.weight.new_zeros(linear.out_features, rank))
        self.factor = alpha / rank
        self.dropout = dropout
        nn.init.kaiming_uniform_(self.lora_down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` [..., in] to [..., out]."""
        low = F.linear(F.dropout(x, self.dropout, self.training), self.lora_down)
        return F.linear(x, self.weight, self.bias) + self.factor * F.linear(low, self.lora_up)
