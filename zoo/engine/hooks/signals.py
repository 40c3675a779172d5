"""Leave in good order when the machine is taken away."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from zoo.engine.checkpoint import checkpoint_name, point_at
from zoo.engine.launch import PREEMPTED


class SignalHandler(Hook):
    """On SIGTERM or SIGUSR1 (Slurm): checkpoint at the next step, then exit with code 75.

    If one rank gets the signal, all ranks leave at the same step. A run that ends with this step ends as usual.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def before_train(self, runner: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python takes signals in its main thread only
        for name in ("SIGTERM", "SIGUSR1"):
            if number := getattr(signal, name, None):
                self._previous[number] = signal.signal(number, self._receive)

    def at_resumable_point(self, runner: Any, *, epoch_ended: bool, finished: bool) -> None:
        if not self._agreed(runner) or finished:
            return
        path = Path(runner.work_dir, checkpoint_name(runner.epoch, runner.iter))
        if runner.last_saved != path:
            runner.save_checkpoint(path)
            if runner.rank == 0:
                point_at(path)
        runner.say(f"Stopped by a signal at iteration {runner.iter}; saved {path}. Go on with --resume auto.")
        raise SystemExit(PREEMPTED)

    def after_run(self, runner: Any) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _receive(self, number: int, frame: Any) -> None:
        self._received = number

    def _agreed(self, runner: Any) -> bool:
        if runner.world_size == 1:
            return self._received is not None
        flag = torch.tensor(float(self._received is not None))
        all_reduce(flag, "max")
        return bool(flag.item())
