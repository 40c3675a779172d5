"""The hook that gives a run's work directory one owner."""

from __future__ import annotations

from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook

from zoo.engine.ownership import Ownership, held, own
from zoo.errors import WorkDirError


class WorkDirOwner(Hook):
    """Own the work directory while training; a second run is refused.

    ``tools/train.py`` owns the directory before the runner writes to it; then this hook only watches that it stays so.
    A runner built by hand is owned from its first step on. Rank 0 owns; its refusal ends all ranks.

    Raises:
        WorkDirError: another run owns the directory, or has taken it over.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self._ownership: Ownership | None = None
        self._release = False

    def before_run(self, runner) -> None:
        refusal: list[WorkDirError | None] = [None]
        if runner.rank == 0:
            self._ownership = held(runner.work_dir)
            if self._ownership is None:
                try:
                    self._ownership = own(runner.work_dir)
                    self._release = True
                except WorkDirError as error:
                    refusal = [error]
        broadcast_object_list(refusal)
        if refusal[0] is not None:
            raise refusal[0]

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self._ownership is not None:
            self._ownership.check()

    def after_run(self, runner) -> None:
        if self._release and self._ownership is not None:
            self._ownership.release()
        self._ownership = None
        self._release = False
