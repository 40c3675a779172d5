"""Curves of a training run: losses, learning rate, gradient norm, throughput, and figures at each evaluation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from zoo.errors import ConfigError


class TrainingMonitor(Hook):
    """Write scalars to the run's visualizer (TensorBoard) and to the message hub.

    Loss terms are means over the iterations since the last point and over all ranks; they stay on the device in
    between. ``train/epoch_loss`` in the message hub is the mean total loss of each epoch. Timings go to the
    visualizer only, so that what a checkpoint holds does not depend on the speed of a machine.

    Args:
        interval: iterations between two points of a curve.
    """

    priority = "BELOW_NORMAL"

    def __init__(self, interval: int = 10) -> None:
        if interval < 1:
            raise ConfigError("interval must be at least 1.", where="TrainingMonitor")
        self.interval = interval
        self._names: list[str] = []
        self._sums: torch.Tensor | None = None
        self._count = 0
        self._epoch_sum: torch.Tensor | None = None
        self._epoch_count = 0
        self._since = 0.0
        self._waited = 0.0
        self._ready = 0.0
        self._timed = 0

    def state_dict(self) -> dict[str, Any]:
        return {
            "names": self._names,
            "sums": self._sums,
            "count": self._count,
            "epoch_sum": self._epoch_sum,
            "epoch_count": self._epoch_count,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._names, self._sums, self._count = state["names"], state["sums"], state["count"]
        self._epoch_sum, self._epoch_count = state["epoch_sum"], state["epoch_count"]

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
        if self._epoch_sum is not None and self._epoch_count:
            mean = _mean_over_ranks(self._epoch_sum / self._epoch_count)
            runner.message_hub.update_scalar("train/epoch_loss", mean.item())
        self._epoch_sum, self._epoch_count = None, 0

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
        names = list(losses)
        if self._sums is None or names != self._names:
            self._names, self._sums, self._count = names, torch.zeros_like(values), 0
        self._sums = self._sums.to(values.device) + values
        self._count += 1
        if "loss" in losses:
            total = values[names.index("loss")]
            self._epoch_sum = total if self._epoch_sum is None else self._epoch_sum.to(total.device) + total
            self._epoch_count += 1

    def _write(self, runner: Any) -> None:
        scalars = {"train/lr": runner.optim_wrapper.get_lr()["lr"][0]}
        if self._sums is not None and self._count:
            means = _mean_over_ranks(self._sums / self._count)
            scalars |= {f"train/{name}": value for name, value in zip(self._names, means.tolist(), strict=True)}
            self._sums, self._count = None, 0
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


def _mean_over_ranks(values: torch.Tensor) -> torch.Tensor:
    values = values.clone()
    all_reduce(values, "mean")
    return values
