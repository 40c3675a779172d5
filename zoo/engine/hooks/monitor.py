"""Curves of a training run: losses, how training samples are called, learning rate, throughput, evaluations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from zoo.detectors.base import CALLS
from zoo.errors import ConfigError
from zoo.metrics.thresholded import accuracy, macro_f1

_CALLED: Final[Mapping[str, Callable[[np.ndarray], float]]] = {"accuracy": accuracy, "macro_f1": macro_f1}


class TrainingMonitor(Hook):
    """Write scalars to the run's visualizer (TensorBoard) and to the message hub.

    Loss terms, and accuracy and macro-F1 of the training samples as the model saw them, are means over the iterations
    since the last point and over all ranks; they stay on the device in between. ``train/epoch_loss``,
    ``train/epoch_accuracy`` and ``train/epoch_macro_f1`` in the message hub are those of each epoch. Timings go to
    the visualizer only, so that what a checkpoint holds does not depend on the speed of a machine.

    Args:
        interval: iterations between two points of a curve.
    """

    priority = "BELOW_NORMAL"

    def __init__(self, interval: int = 10) -> None:
        if interval < 1:
            raise ConfigError("interval must be at least 1.", where="TrainingMonitor")
        self.interval = interval
        self._names: list[str] = []
        self._recent = self._epoch = _Sum()
        self._since = 0.0
        self._waited = 0.0
        self._ready = 0.0
        self._timed = 0

    def state_dict(self) -> dict[str, Any]:
        return {"names": self._names, "recent": asdict(self._recent), "epoch": asdict(self._epoch)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._names = state["names"]
        self._recent, self._epoch = _Sum(**state["recent"]), _Sum(**state["epoch"])

    def before_train_epoch(self, runner: Any) -> None:
        self._restart_clock()

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._waited += time.perf_counter() - self._ready

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        self._add(outputs or {})
        self._timed += 1
        if (runner.iter + 1) % self.interval == 0:
            self._write(runner)
            self._restart_clock()
        self._ready = time.perf_counter()

    def after_train_epoch(self, runner: Any) -> None:
        means = self._means(self._epoch)
        for name in ("loss", *_CALLED):
            if name in means:
                runner.message_hub.update_scalar(f"train/epoch_{name}", means[name])
        self._epoch = _Sum()

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        numbers = {f"val/{name}": value for name, value in (metrics or {}).items() if isinstance(value, int | float)}
        if numbers and runner.is_training:
            runner.visualizer.add_scalars(numbers, step=runner.iter)

    def after_run(self, runner: Any) -> None:
        runner.visualizer.close()

    def _add(self, losses: Mapping[str, torch.Tensor]) -> None:
        if not losses:
            return
        values = torch.stack([value.detach().double() for value in losses.values()])
        if list(losses) != self._names:
            self._names, self._recent, self._epoch = list(losses), _Sum(), _Sum()
        self._recent, self._epoch = self._recent.plus(values), self._epoch.plus(values)

    def _means(self, total: _Sum) -> dict[str, float]:
        """The mean of each named loss over ``total`` and all ranks, and the figures of the calls among them."""
        if total.values is None:
            return {}
        means = total.values / total.count
        all_reduce(means, "mean")
        named = dict(zip(self._names, means.tolist(), strict=True))
        if not set(CALLS) <= named.keys():
            return named
        calls = np.array([named.pop(name) for name in CALLS]).reshape(2, 2)
        return {**named, **{name: figure(calls) for name, figure in _CALLED.items()}}

    def _write(self, runner: Any) -> None:
        scalars = {"train/lr": runner.optim_wrapper.get_lr()["lr"][0]}
        scalars |= {f"train/{name}": value for name, value in self._means(self._recent).items()}
        self._recent = _Sum()
        norm = getattr(runner.optim_wrapper, "grad_norm", None)
        if norm is not None:
            scalars["train/grad_norm"] = norm.item()
        for name, value in scalars.items():
            runner.message_hub.update_scalar(name, value)
        elapsed = time.perf_counter() - self._since
        batch_size = runner.train_dataloader.batch_sampler.batch_size if runner.train_dataloader.batch_sampler else 1
        timings = {
            "time/samples_per_s": self._timed * batch_size * runner.world_size / elapsed,
            "time/iteration_s": elapsed / self._timed,
            "time/data_share": self._waited / elapsed,
        }
        if torch.cuda.is_available():
            timings["memory/peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        runner.visualizer.add_scalars({**scalars, **timings}, step=runner.iter + 1)

    def _restart_clock(self) -> None:
        self._since = self._ready = time.perf_counter()
        self._waited, self._timed = 0.0, 0


@dataclass(frozen=True, slots=True)
class _Sum:
    """Sums of ``count`` batches, float64 [names]; None of none."""

    values: torch.Tensor | None = None
    count: int = 0

    def plus(self, values: torch.Tensor) -> _Sum:
        sums = values if self.values is None else self.values.to(values.device) + values
        return _Sum(sums, self.count + 1)
