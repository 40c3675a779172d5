"""One training run a work directory, whatever the number of its ranks; see `zoo.jobs.ownership`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.dist import broadcast_object_list, get_rank

from zoo.errors import WorkDirError
from zoo.jobs.ownership import Ownership, held, own


@contextmanager
def work_dir_owner(work_dir: str | os.PathLike) -> Iterator[Ownership | None]:
    """Own ``work_dir`` for the length of the block, by rank 0 for all ranks, which must all enter.

    Yields what holds it (None on other ranks). A block within another that holds the directory already changes nothing.

    Raises:
        WorkDirError: see `zoo.jobs.ownership.own`; raised on every rank.
    """
    taken: Ownership | None = None
    refusal: list[WorkDirError | None] = [None]
    if get_rank() == 0 and held(work_dir) is None:
        try:
            taken = own(work_dir)
        except WorkDirError as error:
            refusal = [error]
    broadcast_object_list(refusal)
    if refusal[0] is not None:
        raise refusal[0]
    try:
        yield held(work_dir)
    finally:
        if taken is not None:
            taken.release()
