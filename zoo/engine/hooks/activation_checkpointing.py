"""Activation checkpointing as an option of a config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook

from zoo.engine.activation_checkpoint import checkpoint_activations


class ActivationCheckpointing(Hook):
    """Save memory while training: the named submodules recompute their activations in the backward pass.

    Args:
        modules: dotted names or patterns of submodules, ``temporal.layers.*`` for example.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self.modules = tuple(modules)

    def before_train(self, runner: Any) -> None:
        names = checkpoint_activations(runner.bare_model, self.modules)
        runner.logger.info(f"Activations are recomputed in {', '.join(names)}.")
