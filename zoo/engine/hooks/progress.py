"""How training goes, for the user who watches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mmengine.hooks import Hook
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SHOWN: Final = ("video/auc", "video/macro_f1", "video/eer", "video/accuracy")
TRAINED: Final = {"train/epoch_loss": "loss", "train/epoch_accuracy": "acc", "train/epoch_macro_f1": "f1"}
"""Figures of the training samples, and what a line calls them."""


class ProgressReport(Hook):
    """A bar for each epoch where the output is a terminal, and a line at the end of each epoch anywhere.

    The line holds loss, accuracy and macro-F1 of the epoch's training samples, the metrics of the evaluation, the
    learning rate and the time taken. Without a terminal, long epochs tell where they are now and then.

    Args:
        metrics: names of the metrics to show, those that the evaluation gives.
        every_s: seconds between the lines within an epoch.
    """

    priority = "LOW"

    def __init__(self, metrics: Sequence[str] = SHOWN, every_s: float = 60.0) -> None:
        self.metrics = tuple(metrics)
        self.every_s = every_s
        self._bar: Progress | None = None
        self._task: Any = None
        self._began = 0.0
        self._refreshed = 0.0
        self._evaluated = False

    def before_train_epoch(self, runner: Any) -> None:
        self._began = self._refreshed = time.perf_counter()
        self._evaluated = False
        if not runner.console.is_terminal or runner.rank != 0:
            return
        self._bar = Progress(
            TextColumn("epoch {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=runner.console,
            transient=True,
        )
        loop = runner.train_loop
        description = f"{loop.epoch + 1}/{loop.max_epochs}"
        self._task = self._bar.add_task(description, total=loop.epoch_length, completed=loop.batches_done, loss="")
        self._bar.start()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)
        now = time.perf_counter()
        if runner.rank != 0 or now - self._refreshed < (self.every_s if self._bar is None else 0.5):
            return
        self._refreshed = now
        loss = f"loss {outputs['loss'].item():.4f}" if outputs and "loss" in outputs else ""
        if self._bar is not None:
            self._bar.update(self._task, loss=loss)
        else:
            loop = runner.train_loop
            runner.say(f"epoch {loop.epoch + 1}/{loop.max_epochs}  {batch_idx + 1}/{loop.epoch_length}  {loss}")

    def after_train_epoch(self, runner: Any) -> None:
        self._stop_bar()

    def before_val_epoch(self, runner: Any) -> None:
        self._stop_bar()

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        self._evaluated = True

    def at_resumable_point(self, runner: Any, *, epoch_ended: bool, finished: bool) -> None:
        if not epoch_ended and not finished:
            return
        self._stop_bar()
        loop = runner.train_loop
        parts = [f"epoch {loop.epoch}/{loop.max_epochs}" if epoch_ended else f"iteration {loop.iter}"]
        known = runner.message_hub.log_scalars
        for name, label in TRAINED.items() if epoch_ended else ():
            if name in known:
                parts.append(f"{label} {known[name].current():.4f}")
        if self._evaluated:
            figures = runner.last_metrics
            parts += [f"{name} {figures[name]:.4f}" for name in self.metrics if name in figures]
        parts.append(f"lr {runner.optim_wrapper.get_lr()['lr'][0]:.2e}")
        parts.append(f"{time.perf_counter() - self._began:.1f} s")
        runner.say("  ".join(parts))

    def after_run(self, runner: Any) -> None:
        self._stop_bar()

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
