"""Several losses at once, each with a name and a weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from zoo.errors import ConfigError


class CombinedLoss(nn.Module):
    """A weighted sum, kept apart by name so that every term can be watched.

    Args:
        terms: name to loss, at least one.
        weights: name to factor, at least 0; a term without one weighs 1. Must not name anything else.

    Raises:
        ConfigError: no terms, a weight without a term, or a negative weight.
    """

    def __init__(self, *, terms: Mapping[str, Any], weights: Mapping[str, float] | None = None):
        super().__init__()
        weights = weights or {}
        if not terms:
            raise ConfigError("A combined loss needs at least one term.", where="CombinedLoss.terms")
        if strangers := sorted(weights.keys() - terms.keys()):
            raise ConfigError(
                f"Weight for {strangers[0]!r}, which is no term; the terms are {sorted(terms)}.",
                where="CombinedLoss.weights",
            )
        if negative := sorted(name for name, weight in weights.items() if weight < 0):
            raise ConfigError(f"The weight of {negative[0]!r} is negative.", where="CombinedLoss.weights")
        self.uses: frozenset[str] = frozenset(name for term in terms.values() for name in term.uses)
        self.reads: frozenset[str] = frozenset(name for term in terms.values() for name in getattr(term, "reads", ()))
        self.terms = nn.ModuleDict(terms)
        self.weights = {name: float(weights.get(name, 1.0)) for name in terms}

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``{"loss_NAME": weighted scalar}`` of every term."""
        return {f"loss_{name}": self.weights[name] * term(outputs, targets) for name, term in self.terms.items()}
