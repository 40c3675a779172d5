"""Checkpoints of a run: the last ones to resume from, the best ones to keep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook

from zoo.engine.checkpoint import checkpoint_name, delete_checkpoint, point_at, publish, training_checkpoints
from zoo.engine.hooks.figure_of_merit import FigureOfMerit
from zoo.engine.state import capture_state
from zoo.errors import ConfigError


class SaveCheckpoint(Hook):
    """Save the state of training, and the best weights in the portable form.

    Files in the work directory:

    - ``epoch_0003_iter_00000150.pth``: whole state, to resume from; the newest ``keep_last`` stay. The text file
      ``last_checkpoint`` names the newest.
    - ``best.pth``: published form of the best evaluation so far (averaged weights where the run averages them).
    - ``best_epoch_0003.pth``: with ``keep_best`` > 1, the best so many, ``best.pth`` among them.

    A new file is complete before an old one is deleted. An evaluation whose figure is not finite is never the best.

    Args:
        interval: epochs between checkpoints; the end of training is always saved.
        interval_iters: iterations between checkpoints, beside those at epochs' ends.
        keep_last: training checkpoints to keep.
        save_best: the metric that decides, for example ``video/macro_f1``; None keeps no best.
        rule: ``greater`` or ``less`` is better.
        keep_best: best weights to keep.
    """

    priority = "VERY_LOW"

    def __init__(
        self,
        interval: int = 1,
        interval_iters: int | None = None,
        keep_last: int = 2,
        save_best: str | None = None,
        rule: str = "greater",
        keep_best: int = 1,
    ) -> None:
        if min(interval, keep_last, keep_best, interval_iters or 1) < 1:
            raise ConfigError("Intervals and numbers to keep must be at least 1.", where="SaveCheckpoint")
        self.interval = interval
        self.interval_iters = interval_iters
        self.keep_last = keep_last
        self.merit = FigureOfMerit(save_best, rule) if save_best is not None else None
        self.keep_best = keep_best
        self.best: list[tuple[float, int]] = []  # (figure, epochs done), best first
        self._saved_iter = 0
        self._candidate: float | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "saved_iter": self._saved_iter}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best = [tuple(item) for item in state["best"]]
        self._saved_iter = state["saved_iter"]

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        if self.merit is not None and runner.is_training:
            self._candidate = self.merit.of(metrics or {})

    def at_resumable_point(self, runner: Any, *, epoch_ended: bool, finished: bool) -> None:
        by_epoch = epoch_ended and runner.epoch % self.interval == 0
        every = self.interval_iters
        by_iters = every is not None and runner.iter // every > self._saved_iter // every
        improved = self._enter_best(runner.epoch)
        due = finished or by_epoch or by_iters
        if not due and not improved:
            return
        if due:
            self._saved_iter = runner.iter
        state = capture_state(runner)
        if runner.rank == 0 and improved:  # before the checkpoint: after a crash in between, the epoch is run again
            self._publish_best(runner, state)
        if due:
            self.save(runner, state)

    def save(self, runner: Any, state: Mapping[str, Any] | None = None) -> Path:
        """Write the training checkpoint of this point and drop those that are old; all ranks call it."""
        path = runner.save_checkpoint(Path(runner.work_dir, checkpoint_name(runner.epoch, runner.iter)), state)
        if runner.rank == 0:
            point_at(path)
            older = [old for old in training_checkpoints(runner.work_dir) if old.name < path.name]
            for old in older[: max(0, len(older) + 1 - self.keep_last)]:
                delete_checkpoint(old)
        return path

    def _enter_best(self, epoch: int) -> bool:
        """Whether the last evaluation is among the best; if so, take it into the list."""
        figure, self._candidate = self._candidate, None
        if self.merit is None or figure is None:
            return False
        place = next((n for n, (other, _) in enumerate(self.best) if self.merit.better(figure, other)), len(self.best))
        self.best.insert(place, (figure, epoch))
        del self.best[self.keep_best :]
        return place < self.keep_best

    def _publish_best(self, runner: Any, state: Mapping[str, Any]) -> None:
        folder = Path(runner.work_dir)
        figure, epoch = self.best[0]
        if epoch == runner.epoch and self.merit is not None:
            publish(state, folder / "best.pth")
            runner.say(f"best {self.merit.name} {figure:.4f}, saved {folder.name}/best.pth")
        if self.keep_best > 1:
            publish(state, folder / _best_name(runner.epoch))
            kept = {_best_name(epoch) for _, epoch in self.best}
            for path in folder.glob("best_epoch_*.pth"):
                if path.name not in kept:
                    delete_checkpoint(path)


def _best_name(epoch: int) -> str:
    return f"best_epoch_{epoch:04d}.pth"
