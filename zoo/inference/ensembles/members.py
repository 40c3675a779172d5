"""All members of an ensemble on one split: each once, side by side where there are devices for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import torch

from zoo.errors import ConfigError, LaunchError
from zoo.inference.ensembles.member_run import MemberRun, Predicted, find_kept, predict
from zoo.inference.ensembles.settings import Member
from zoo.jobs.executors import usable_cpus

FOLDER: Final = "members"
"""Where, in an ensemble's work directory, the predictions of its members are kept."""


def run_members(
    members: Sequence[Member],
    split: str,
    *,
    work_dir: str | os.PathLike,
    jobs: int | None = None,
    on_done: Callable[[Predicted], None] | None = None,
) -> dict[str, Predicted]:
    """The predictions of every member on ``split``, in the members' order.

    What is kept from before is not computed again: predictions are kept by the checkpoint's bytes, what the data
    tells of itself, the split, and the config of model and data.

    Args:
        members: detectors and files.
        split: ``val`` or ``test``.
        work_dir: of the ensemble.
        jobs: how many members at a time; None for one a visible GPU, and one after the other on a CPU.
        on_done: called once for every member.

    Raises:
        ConfigError: ``jobs`` is below 1.
        LaunchError: a member's process died.
        ZooError: whatever is wrong with a member; the error names it.
    """
    if jobs is not None and jobs < 1:
        raise ConfigError(f"At least one member is run at a time, not {jobs}.", where="--jobs")
    folder = Path(work_dir, FOLDER)
    found: dict[str, Predicted] = {}

    def note(done: Predicted) -> None:
        found[done.name] = done
        if on_done is not None:
            on_done(done)

    left = []
    for member in members:
        run = MemberRun(member=member, split=split, folder=folder)
        if (kept := find_kept(run)) is not None:
            note(kept)
        else:
            left.append(run)
    gpus = _visible_gpus()
    at_once = min(jobs or max(1, len(gpus)), len(left))
    if at_once > 1:
        _run_side_by_side(left, at_once, gpus, note)
    else:
        for run in left:
            note(predict(run))
    return {member.name: found[member.name] for member in members}


def _run_side_by_side(
    runs: Sequence[MemberRun], jobs: int, gpus: Sequence[str], note: Callable[[Predicted], None]
) -> None:
    """Each run in one of ``jobs`` processes, which share out the GPUs, or the CPUs where there are none."""
    context = get_context("spawn")
    turns = context.Queue()
    for number in range(jobs):
        turns.put(gpus[number % len(gpus)] if gpus else None)
    threads = max(1, usable_cpus() // jobs)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_settle, initargs=(turns, threads)) as pool:
        futures = {pool.submit(predict, run): run for run in runs}
        try:
            for future in as_completed(futures):
                note(future.result())
        except BrokenProcessPool as error:
            lost = [run.member.name for future, run in futures.items() if not future.done() or future.exception()]
            raise LaunchError(
                f"A process that ran one of the members {', '.join(lost)} died.",
                next_step="Often the system ran out of memory (see dmesg): run them one after the other, --jobs 1.",
            ) from error
        finally:
            for future in futures:
                future.cancel()


def _settle(turns: Any, threads: int) -> None:
    """Take a GPU for this process, before torch touches CUDA."""
    gpu = turns.get()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    torch.set_num_threads(threads)


def _visible_gpus() -> list[str]:
    """The names under which CUDA knows the GPUs that this process sees."""
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    count = torch.cuda.device_count()
    return named[:count] if named else [str(number) for number in range(count)]
