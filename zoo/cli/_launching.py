"""Options and steps that all commands share which run on several ranks."""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ConfigError, LaunchError
from zoo.files import atomic_write

if TYPE_CHECKING:
    from mmengine.config import Config


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """``--launcher``, ``--nproc-per-node``, ``--max-restarts`` and ``--gpu``."""
    group = parser.add_argument_group("launching")
    group.add_argument(
        "--launcher",
        choices=("none", "pytorch", "slurm", "mpi"),
        default="none",
        help="pytorch: under torchrun one of its ranks, otherwise starts its own workers; slurm: under srun; "
        "mpi: under mpirun (default: %(default)s, one process)",
    )
    group.add_argument("--nproc-per-node", type=int, metavar="N", help="workers to start (default: one a visible GPU)")
    group.add_argument(
        "--max-restarts",
        type=int,
        default=0,
        metavar="N",
        help="start all workers again, from the newest checkpoint, when one dies (default: %(default)s); torchrun has "
        "its own option, which needs TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 to be reliable",
    )
    group.add_argument("--gpu", metavar="0,1,..", help="use only these GPUs (sets CUDA_VISIBLE_DEVICES)")
    group.add_argument("--local-rank", "--local_rank", type=int, help=argparse.SUPPRESS)  # old launchers pass it


def run_launched(
    options: argparse.Namespace,
    command: Sequence[str],
    *,
    prepare: Callable[[], Path | None],
    body: Callable[[], int],
) -> int:
    """Run ``body`` in every rank that the launch options ask for.

    A process that is itself one of the ranks ends here, with the exit code.

    Args:
        options: what a parser with `add_launch_options` parsed.
        command: ``zoo`` command and its arguments, for workers that are to be started.
        prepare: called before workers start, to find mistakes once; returns where tracebacks of failures are saved.
        body: the work of a rank; its return value is the exit code.
    """
    _check(options)
    if options.gpu is not None:
        select_gpus(options.gpu, several=options.launcher != "none")
    if options.local_rank is not None:
        os.environ.setdefault("LOCAL_RANK", str(options.local_rank))
    from zoo.engine import launch

    if options.launcher == "none":
        return body()
    if not launch.starts_workers(options.launcher):
        from zoo._compat import end_process

        end_process(launch.run_rank(body))
    return launch.run_workers(
        [sys.executable, "-m", "zoo", *command],
        traceback_file=prepare(),
        workers=launch.default_workers() if options.nproc_per_node is None else options.nproc_per_node,
        max_restarts=options.max_restarts,
    )


def run_name(options: argparse.Namespace, config: Config) -> str:
    """The name of a run: ``--experiment``, else what the config says, else the config's own.

    Raises:
        ConfigError: it is not the name of one folder.
    """
    from zoo.config import find_config

    name = options.experiment or config.get("experiment_name") or find_config(options.config).stem
    if Path(name).name != name or name in ("", ".", ".."):
        raise ConfigError(f"{name!r} cannot name a run: it is to be one folder's name.", where="--experiment")
    return name


def note_command(work_dir: Path, command: Sequence[str]) -> None:
    """Add a line to ``commands.txt``: when, where and how the run was started."""
    path = work_dir / "commands.txt"
    earlier = path.read_text(encoding="utf-8") if path.exists() else ""
    with atomic_write(path, "w") as file:
        started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        file.write(f"{earlier}{started} {socket.gethostname()}:{Path.cwd()}$ {shlex.join(command)}\n")


def _check(options: argparse.Namespace) -> None:
    for option in ("nproc_per_node", "max_restarts"):
        if getattr(options, option) and options.launcher != "pytorch":
            raise LaunchError(
                f"--{option.replace('_', '-')} has no meaning with --launcher {options.launcher}.",
                next_step="Add --launcher pytorch, or leave the option out.",
            )


def select_gpus(text: str, *, several: bool) -> None:
    """Hide all GPUs but those of ``text``, before torch touches CUDA; more than one where ``several`` can be used."""
    wanted = text.split(",")
    if not all(item.isdigit() for item in wanted) or len(set(wanted)) != len(wanted):
        raise LaunchError(f"--gpu {text}: not a list of different GPU numbers.", next_step="Write --gpu 0,1,2,3.")
    if len(wanted) > 1 and not several:
        raise LaunchError(
            f"--gpu names {len(wanted)} GPUs, but --launcher none uses one.", next_step="Add --launcher pytorch."
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = text
    import torch

    there = torch.cuda.device_count()
    if there < len(wanted):
        what = "this machine has no usable CUDA GPU" if there == 0 else f"only {there} of them can be used"
        raise LaunchError(f"--gpu {text}: {what}.", next_step="Leave --gpu out to use what there is; see zoo doctor.")
