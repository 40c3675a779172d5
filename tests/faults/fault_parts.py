"""Hooks that make a run fail, or tell what it did; a config that imports this module can name them."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import torch
from mmengine.hooks import Hook

from zoo.errors import DataError
from zoo.registry import REGISTRIES


@REGISTRIES["hook"].register_module()
class FaultAt(Hook):
    """At iteration ``iteration`` of rank ``rank``, in a run that was not restarted: ``kill``, ``error`` or ``bug``."""

    def __init__(self, iteration: int, fault: str, rank: int = 0):
        self.iteration, self.fault, self.rank = iteration, fault, rank

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
        if again or runner.iter != self.iteration or runner.rank != self.rank:
            return
        Path(runner.work_dir, "fault").touch()
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "error":
            raise DataError("The clip is hollow.", where="clip007", next_step="Fill it.")
        raise ZeroDivisionError("a bug in somebody's hook")


@REGISTRIES["hook"].register_module()
class KillAtWrite(Hook):
    """SIGKILL around the ``count``-th rename of a finished file: ``before`` it, or ``after``."""

    def __init__(self, count: int, moment: str):
        self.count, self.moment = count, moment

    def before_train(self, runner):
        replace = os.replace

        def counted(source, target):
            self.count -= 1
            if self.count == 0 and self.moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target)
            if self.count == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = counted


@REGISTRIES["hook"].register_module()
class DiskFullAt(Hook):
    """From iteration ``iteration`` on no file can grow beyond ``room`` bytes."""

    def __init__(self, iteration: int, room: int):
        self.iteration, self.room = iteration, room

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, self.room))


@REGISTRIES["hook"].register_module()
class SlowSteps(Hook):
    """Sleep ``seconds`` at every step; the first one writes ``<work_dir>/step_rank<rank>``."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        Path(runner.work_dir, f"step_rank{runner.rank}").touch()
        time.sleep(self.seconds)


@REGISTRIES["hook"].register_module()
class SaveRankWeights(Hook):
    """At the end every rank writes its own weights, and the figures of its last evaluation."""

    def after_train(self, runner):
        torch.save(
            {"weights": runner.bare_model.state_dict(), "metrics": dict(runner.last_metrics)},
            Path(runner.work_dir, f"weights_rank{runner.rank}.pth"),
        )
