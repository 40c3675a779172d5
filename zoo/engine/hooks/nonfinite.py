"""What happens when a loss or a gradient is NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from zoo.engine.checkpoint import save_checkpoint
from zoo.engine.plain import plain
from zoo.errors import ConfigError, TrainingError


class NonFiniteGuard(Hook):
    """Never update the weights by a loss or a gradient that is not finite: leave the update out, or stop.

    All ranks leave the same updates out. The batch is written to ``nonfinite/`` in the work directory, as tensors and
    plain types, by every rank whose loss it was, and the message names what was not finite: an input and its sample,
    a weight, a term of the loss, or a gradient.

    Args:
        max_skips: updates that may be left out in a run; one more stops it.
    """

    priority = "HIGH"

    def __init__(self, max_skips: int = 0) -> None:
        if max_skips < 0:
            raise ConfigError("max_skips cannot be negative.", where="NonFiniteGuard")
        self.max_skips = max_skips
        self.skips = 0
        self._runner: Any = None
        self._batch: Any = None

    def state_dict(self) -> dict[str, Any]:
        return {"skips": self.skips}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.skips = state["skips"]

    def before_train(self, runner: Any) -> None:
        self._runner = runner
        runner.optim_wrapper.guard = self.is_finite

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._batch = data_batch

    def after_run(self, runner: Any) -> None:
        self._runner = self._batch = None

    def is_finite(self, value: torch.Tensor) -> bool:
        """Whether ``value``, a loss or a gradient norm, is finite on all ranks.

        Raises:
            TrainingError: it is not, and ``max_skips`` updates have been left out already.
        """
        mine = torch.isfinite(value.detach())
        everywhere = mine.to(torch.float32)
        all_reduce(everywhere, "min") if self._runner.world_size > 1 else None
        if everywhere.item():
            return True
        self.skips += 1
        runner = self._runner
        path = None if mine.item() else self._dump(value)
        cause = "on another rank" if mine.item() else f"in {self._cause()}"
        what = f"The loss or its gradient is {value.item()} at iteration {runner.iter + 1} ({cause})"
        if self.skips > self.max_skips:
            raise TrainingError(
                f"{what}; {self.skips - 1} such updates were left out before.",
                where=path or "another rank",
                next_step="Look at the batch, lower the learning rate or clip the gradient. Checkpoints are untouched; "
                "NonFiniteGuard(max_skips=N) leaves out N updates.",
            )
        runner.logger.warning(f"{what}: update left out ({self.skips} of {self.max_skips}), batch in {path}.")
        return False

    def _cause(self) -> str:
        """What is not finite, the first in the order of a step."""
        samples = self._batch.get("data_samples", ()) if isinstance(self._batch, Mapping) else ()
        for name, values in _floats(self._batch):
            for place in torch.nonzero(~torch.isfinite(values).flatten(1).all(dim=1)).flatten().tolist()[:1]:
                sample = samples[place].sample_id if place < len(samples) else place
                return f"the input {name!r} of sample {sample!r}"
        model = self._runner.bare_model
        for name, parameter in model.named_parameters():
            if not torch.isfinite(parameter).all():
                return f"the weight {name!r}"
        terms = getattr(model, "last_losses", {})
        if wrong := [name for name, term in terms.items() if name != "loss" and not torch.isfinite(term)]:
            return f"the term {', '.join(wrong)} of the loss"
        gradients = ((name, p.grad) for name, p in model.named_parameters() if p.grad is not None)
        return next((f"the gradient of {name!r}" for name, g in gradients if not torch.isfinite(g).all()), "the loss")

    def _dump(self, value: torch.Tensor) -> Path:
        runner = self._runner
        path = Path(runner.work_dir, "nonfinite", f"iter_{runner.iter + 1:08d}_rank{runner.rank}.pth")
        content = {"iteration": runner.iter + 1, "value": plain(value), "batch": plain(self._batch, where="batch")}
        return save_checkpoint(path, content)


def _floats(batch: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """The floating inputs [b, ...] of a batch by name."""
    inputs = batch.get("inputs") if isinstance(batch, Mapping) else None
    named = inputs.items() if isinstance(inputs, Mapping) else [("inputs", inputs)]
    yield from ((name, x) for name, x in named if isinstance(x, torch.Tensor) and x.is_floating_point())
