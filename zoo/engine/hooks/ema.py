"""An exponential moving average of the weights, used for evaluation and for what is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import Hook
from torch import nn

from zoo.errors import CheckpointError, ConfigError


class ExponentialMovingAverage(Hook):
    """Average the weights over updates; evaluate and publish the average, train on with the weights themselves.

    After update n: ``average += (1 - d) * (weights - average)`` with ``d = min(decay, (1 + n) / (10 + n))``, so that
    early averages are not held back by the random start. Buffers and integers are copied.

    Args:
        decay: weight of the past in a step, in (0, 1).
    """

    priority = "NORMAL"

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 < decay < 1:
            raise ConfigError(f"decay must lie between 0 and 1, not {decay}.", where="ExponentialMovingAverage")
        self.decay = decay
        self.updates = 0
        self.average: dict[str, torch.Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updates = state["updates"]

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        checkpoint["ema_state_dict"] = self.average

    def after_load_checkpoint(self, runner: Any, checkpoint: Mapping[str, Any]) -> None:
        if "ema_state_dict" not in checkpoint:
            raise CheckpointError(
                "The checkpoint holds no averaged weights, and this run averages them.",
                next_step="Resume without ExponentialMovingAverage, or start from its weights with load_from.",
            )
        self.average = {
            name: checkpoint["ema_state_dict"][name].to(tensor.device, copy=True)
            for name, tensor in runner.bare_model.state_dict().items()
        }

    def before_train(self, runner: Any) -> None:
        if not self.average:
            self.average = {name: tensor.clone() for name, tensor in runner.bare_model.state_dict().items()}

    @torch.no_grad()
    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if not runner.optim_wrapper.updated:
            return
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        parameters = dict(runner.bare_model.named_parameters())
        for name, tensor in runner.bare_model.state_dict().items():
            if name in parameters and tensor.is_floating_point():
                self.average[name].lerp_(tensor, 1 - decay)
            else:
                self.average[name].copy_(tensor)

    def before_val_epoch(self, runner: Any) -> None:
        self._swap(runner.bare_model)

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        self._swap(runner.bare_model)

    def before_test_epoch(self, runner: Any) -> None:
        self._swap(runner.bare_model)

    def after_test_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        self._swap(runner.bare_model)

    @torch.no_grad()
    def _swap(self, model: nn.Module) -> None:
        """Exchange the model's weights and the average; nothing outside of training, where there is no average."""
        for name, tensor in model.state_dict().items():
            if name in self.average:
                weights = tensor.clone()
                tensor.copy_(self.average[name])
                self.average[name].copy_(weights)
