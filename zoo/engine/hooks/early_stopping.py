"""Stop training when the evaluations no longer get better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook

from zoo.engine.hooks.figure_of_merit import FigureOfMerit


class EarlyStopping(Hook):
    """Stop after ``patience`` evaluations in a row without a new best. Survives a resume.

    Args:
        monitor: the metric that decides, for example ``video/macro_f1``. Not finite counts as not better.
        rule: ``greater`` or ``less`` is better.
        patience: evaluations without a new best.
        min_delta: how much better a new best has to be.
    """

    priority = "LOWEST"

    def __init__(self, monitor: str, rule: str = "greater", patience: int = 10, min_delta: float = 0.0) -> None:
        self.merit = FigureOfMerit(monitor, rule)
        self.patience = patience
        self.min_delta = min_delta
        self.best: float | None = None
        self.waited = 0

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]

    def before_train(self, runner: Any) -> None:
        runner.train_loop.stop_training = self.waited >= self.patience

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        if not runner.is_training or not metrics:
            return
        value = self.merit.of(metrics)
        if value is not None and self.merit.better(value, self.best, by=self.min_delta):
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            runner.train_loop.stop_training = True
            runner.say(f"No better {self.merit.name} in {self.waited} evaluations: training stops.")
