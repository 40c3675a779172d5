"""One step of optimisation: mixed precision, accumulation, gradient norm and clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from zoo.engine.precision import PrecisionPolicy, precision_policy


class PrecisionOptimWrapper(OptimWrapper):
    """Forward under autocast, backward, and an update every ``accumulative_counts`` batches.

    The loss of a batch is divided by the size of its accumulation window; the last window of an epoch ends with the
    epoch and counts only the batches it has, so an epoch's end is always a point without pending gradients.

    Args:
        optimizer: the optimiser.
        precision: ``fp32``, the plain way; ``bf16``, ``fp16`` (scaled loss, GPU only) or ``auto``, with the defaults of
            `PrecisionPolicy` in layout and layers that stay in float32; or such a policy, or its arguments. The model
            must be prepared by the policy before it is trained, which the runner does.
        accumulative_counts: batches an update.
        clip_grad: ``{"max_norm": 1.0, "norm_type": 2.0}``; the gradient is scaled down to that norm.
        layer_decay, decay_vectors: how the runner has grouped the optimiser's parameters, kept to be told; see
            `zoo.engine.parameter_groups.parameter_groups`.

    ``grad_norm`` holds the norm before clipping at the last update, as a tensor on the device. ``updated`` tells
    whether the last batch ended in an update. ``guard``, when set, is asked with every loss (and gradient norm);
    where it answers False the window's update is left out.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        precision: str | Mapping[str, Any] | PrecisionPolicy = "fp32",
        accumulative_counts: int = 1,
        clip_grad: Mapping[str, float] | None = None,
        layer_decay: float | None = None,
        decay_vectors: bool = True,
    ) -> None:
        super().__init__(optimizer, accumulative_counts=accumulative_counts)
        self.device_type = next(p.device.type for group in optimizer.param_groups for p in group["params"])
        self.policy = precision_policy(precision)
        self.precision = self.policy.precision_on(self.device_type)
        self.clip = dict(clip_grad or {})
        self.layer_decay = layer_decay
        self.decay_vectors = decay_vectors
        self.scaler = torch.amp.GradScaler(self.device_type) if self.precision == "fp16" else None
        self.guard: Callable[[torch.Tensor], bool] | None = None
        self.grad_norm: torch.Tensor | None = None
        self.updated = False
        self.epoch_length: int | None = None
        self._spoiled = False

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), self.policy.context(self.device_type):
            yield

    def update_params(self, loss: torch.Tensor, step_kwargs: Any = None, zero_kwargs: Any = None) -> None:
        """Go back through ``loss`` and update the parameters if the window is complete."""
        self.updated = False
        if self.guard is None or self.guard(loss):
            self.backward(self.scale_loss(loss))
        else:
            self._spoiled = True
            self._inner_count += 1
        if self.should_update():
            if not self._spoiled:
                self.step()
            self.zero_grad()
            self._spoiled = False

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        super().backward(loss if self.scaler is None else self.scaler.scale(loss), **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Record the gradient's norm, clip it, and step the optimiser."""
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = get_total_norm([p.grad for p in parameters], norm_type=self.clip.get("norm_type", 2.0))
        self.grad_norm = norm
        if self.scaler is None and self.guard is not None and not self.guard(norm):
            return
        if "max_norm" in self.clip:
            clip_grads_with_norm_(parameters, self.clip["max_norm"], norm)
        if self.scaler is None:
            self.optimizer.step(**kwargs)
        else:
            self.scaler.step(self.optimizer, **kwargs)
            self.scaler.update()
        self.updated = True

    def should_update(self) -> bool:
        """Whether the batches so far end a window: no gradient is pending."""
        return self._ends_window(self._inner_count)

    def should_sync(self) -> bool:
        return self._ends_window(self._inner_count + 1)

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        if self._accumulative_counts == 1:
            return loss
        first = self._inner_count - self._position(self._inner_count) % self._accumulative_counts
        size = next(n for n in range(1, self._accumulative_counts + 1) if self._ends_window(first + n))
        return loss / size

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        return state if self.scaler is None else {**state, "loss_scaler": self.scaler.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        state = dict(state_dict)
        scale = state.pop("loss_scaler", None)
        if self.scaler is not None and scale is not None:
            self.scaler.load_state_dict(scale)
        super().load_state_dict(state)
        self._lay_state_out()

    def _lay_state_out(self) -> None:
        """Give every tensor of the state the memory layout of its parameter: fused optimisers read both as they lie."""
        for parameter, values in self.optimizer.state.items():
            for name, value in values.items():
                if not isinstance(value, torch.Tensor) or value.shape != parameter.shape:
                    continue
                if value.stride() != parameter.stride():
                    values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

    def _position(self, count: int) -> int:
        return count if self.epoch_length is None else count % self.epoch_length

    def _ends_window(self, count: int) -> bool:
        position = self._position(count)
        return (
            count == self._max_counts
            or position % self._accumulative_counts == 0
            or (self.epoch_length is not None and position == 0)
        )
