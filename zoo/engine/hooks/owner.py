"""The hook that gives a run's work directory one owner."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from mmengine.hooks import Hook

from zoo.engine.ownership import work_dir_owner
from zoo.jobs.ownership import Ownership


class WorkDirOwner(Hook):
    """Own the work directory while a runner works in it; a second run is refused on all its ranks.

    ``tools/train.py`` owns the directory before the runner writes anything; then this hook only watches that it stays
    so. A run that was frozen until another took its directory ends with a WorkDirError.
    """

    priority = "HIGHEST"

    def __init__(self) -> None:
        self._block = ExitStack()
        self._ownership: Ownership | None = None

    def before_run(self, runner: Any) -> None:
        self._ownership = self._block.enter_context(work_dir_owner(runner.work_dir))

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if self._ownership is not None:
            self._ownership.check()

    def after_run(self, runner: Any) -> None:
        self._ownership = None
        self._block.close()
