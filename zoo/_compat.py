"""Every workaround for a fault of a dependency, named after the fault, with the condition that removes it."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings
from functools import cache
from types import ModuleType
from typing import NoReturn

import mmengine.logging.message_hub as message_hub
from mmengine import registry as roots
from mmengine.logging import HistoryBuffer
from mmengine.registry import Registry
from torch._utils import ExceptionWrapper
from torch.utils.data._utils import worker

from zoo.errors import ZooError

HISTORY_LENGTH = 2000


class CappedHistory(HistoryBuffer):
    """A history of the last 2,000 values.

    mmengine 0.10.7 (seen 2026-11): ``HistoryBuffer`` copies itself on every append and holds a million values, so an
    iteration grows dearer for ever. Remove when appending costs the same at any length.
    """

    def __init__(self, log_history=(), count_history=(), max_length: int = HISTORY_LENGTH) -> None:
        super().__init__(log_history[-max_length:], count_history[-max_length:], max_length)


@cache
def apply() -> None:
    """Put the workarounds that patch another package into force; the runner does so once."""
    message_hub.HistoryBuffer = CappedHistory
    _quieten_missing_child_registries()
    _quieten_schedules_under_accumulation()


@cache
def import_albumentations() -> ModuleType:
    """albumentations, which takes seconds to import.

    albumentations 2.0.8 (seen 2026-11): importing it asks the package index for a newer version, unless a variable of
    the environment forbids it. Remove when an import opens no connection.
    """
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations

    return albumentations


class WholeError(ExceptionWrapper):
    """An exception on its way out of a data loader's worker, whole where it is one of ours.

    torch 2.14 (seen 2026-11): only its type and the text of its traceback cross, so that the message the user reads is
    a traceback. Remove when the exception itself crosses.
    """

    def __init__(self, exc_info=None, where: str = "in background") -> None:
        super().__init__(exc_info, where)
        error = (sys.exc_info() if exc_info is None else exc_info)[1]
        self.error = error if isinstance(error, ZooError) else None

    def reraise(self) -> None:
        if self.error is not None:
            raise self.error
        super().reraise()


def keep_errors_whole() -> None:
    """Let our errors leave this worker of a data loader as `WholeError`."""
    worker.ExceptionWrapper = WholeError  # type: ignore[misc]


def end_process(code: int) -> NoReturn:
    """End a process that was in a process group, with ``code``: exit functions run and output is flushed, no more.

    torch 2.14 (seen 2026-11): gloo's threads outlive ``destroy_process_group`` and may still be letting go of a Python
    object while the interpreter is finalised, which aborts the process (4 of 50 ranks that did nothing but a few
    collectives ended in SIGABRT). Remove when no ``pt_gloo_runloop`` thread is left after the group is destroyed.
    """
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _quieten_missing_child_registries() -> None:
    """Give the default scope a registry of each kind that the engine builds but zoo has no components of.

    mmengine 0.10.7 (seen 2026-11): building an optimiser, scheduler or visualizer under a default scope without a
    registry of that kind warns of an "unexpected failure" and then works. Remove when the fallback is silent.
    """
    for name in (
        "OPTIMIZERS",
        "OPTIM_WRAPPER_CONSTRUCTORS",
        "PARAM_SCHEDULERS",
        "VISUALIZERS",
        "LOG_PROCESSORS",
        "EVALUATOR",
    ):
        parent: Registry = getattr(roots, name)
        if parent._search_child("zoo") is None:
            Registry(parent.name, parent=parent, scope="zoo")


def _quieten_schedules_under_accumulation() -> None:
    """Say nothing of schedules that step before the optimiser: they count batches, it counts windows of batches.

    mmengine 0.10.7 (seen 2026-11): the check, copied from torch, takes accumulation for a mistake. Remove when it no
    longer warns for ``accumulative_counts`` > 1.
    """
    warnings.filterwarnings("ignore", message=r"Detected call of `scheduler\.step\(\)` before `optimizer\.step")
