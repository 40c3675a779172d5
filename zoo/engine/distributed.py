"""The process group of a run, on GPUs (NCCL) and on CPUs (gloo), and the model wrapper that goes with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
from mmengine.model import MMDistributedDataParallel
from torch import distributed

from zoo.errors import LaunchError

LAUNCHERS: Final = ("none", "pytorch", "slurm", "mpi")
_DEFAULT_PORT: Final = 29500
_NAMES: Final[Mapping[str, tuple[str, str, str]]] = {
    # launcher: variables that hold rank, world size and local rank
    "pytorch": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
_STARTERS: Final[Mapping[str, str]] = {
    "pytorch": "Start with torchrun, or leave RANK unset and let the tool start its own workers.",
    "slurm": "Start with srun, inside an allocation: srun --ntasks=N python tools/train.py CONFIG --launcher slurm",
    "mpi": "Start with Open MPI: mpirun -np N python tools/train.py CONFIG --launcher mpi",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands among its peers: ranks count from 0, ``address:port`` is where rank 0 listens."""

    rank: int
    world_size: int
    local_rank: int
    address: str
    port: int


def place_from_environment(launcher: str, environment: Mapping[str, str] = os.environ) -> Place:
    """Read what ``launcher`` (pytorch, slurm or mpi) says of this process.

    Raises:
        LaunchError: variables of the launcher are absent or no numbers.
    """
    values = []
    for name in _NAMES[launcher]:
        text = environment.get(name)
        if text is None or not text.isdigit():
            problem = "is not set" if text is None else f"is {text!r}, not a number"
            raise LaunchError(
                f"--launcher {launcher}: the environment variable {name} {problem}.", next_step=_STARTERS[launcher]
            )
        values.append(int(text))
    rank, world_size, local_rank = values
    address = environment.get("MASTER_ADDR") or _first_address(launcher, environment, world_size)
    port = environment.get("MASTER_PORT") or _port_of_job(environment)
    return Place(rank, world_size, local_rank, address, int(port))


def first_host(nodes: str) -> str:
    """The first host of a Slurm node list: ``gpu-[07-09,12],login1`` gives ``gpu-07``."""
    match = re.match(r"(?P<prefix>[^,\[\]]+)(?:\[(?P<first>\d+)[^\]]*\](?P<suffix>[^,\[\]]*))?", nodes)
    if match is None:
        raise LaunchError(f"Cannot read the Slurm node list {nodes!r}.", next_step="Set MASTER_ADDR to the first host.")
    return match["prefix"] + (match["first"] or "") + (match["suffix"] or "")


@contextmanager
def process_group(launcher: str, *, timeout_s: float = 1800.0) -> Iterator[None]:
    """Join the process group for the length of the block; ``none`` joins nothing.

    NCCL where CUDA is, with one device a local rank; gloo on CPUs, where no CUDA function is called. An exception
    leaves the group as it is: the other ranks may be gone, and taking leave of them would wait for ever.

    Raises:
        LaunchError: see `place_from_environment`; fewer GPUs than local ranks; rank 0 cannot be reached.
    """
    if launcher == "none":
        yield
        return
    place = place_from_environment(launcher)
    os.environ |= {  # mmengine and torch read these, whatever the launcher
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.world_size),
        "LOCAL_RANK": str(place.local_rank),
        "MASTER_ADDR": place.address,
        "MASTER_PORT": str(place.port),
    }
    cuda = torch.cuda.is_available()
    if cuda:
        if place.local_rank >= torch.cuda.device_count():
            raise LaunchError(
                f"Local rank {place.local_rank} has no GPU: {torch.cuda.device_count()} visible.",
                next_step="Start at most one process a GPU.",
            )
        torch.cuda.set_device(place.local_rank)
    try:
        distributed.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(seconds=timeout_s))
    except (RuntimeError, ValueError) as error:
        raise LaunchError(
            f"Rank {place.rank} cannot join the other {place.world_size - 1} ranks: {error}",
            where=f"{place.address}:{place.port}",
            next_step="Check that all ranks were started, and that MASTER_ADDR and MASTER_PORT can be reached.",
        ) from error
    yield
    distributed.destroy_process_group()


class DistributedDetector(MMDistributedDataParallel):
    """A detector whose gradients are averaged over all ranks, on GPUs and on CPUs.

    Args:
        module: the detector, already on its device.
        find_unused_parameters: needed only by detectors that leave whole branches out of some steps; slower.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        find_unused_parameters: bool = False,
        static_graph: bool = False,
    ):
        device = next(module.parameters()).device
        super().__init__(
            module,
            device_ids=None if device.type == "cpu" else [device.index],
            find_unused_parameters=find_unused_parameters,
            static_graph=static_graph,
        )


def _first_address(launcher: str, environment: Mapping[str, str], world_size: int) -> str:
    if launcher == "slurm":
        nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_NODELIST")
        if not nodes:
            raise LaunchError(
                "--launcher slurm: SLURM_NODELIST is not set, nor is MASTER_ADDR.", next_step=_STARTERS["slurm"]
            )
        return first_host(nodes)
    if launcher == "mpi" and environment.get("OMPI_COMM_WORLD_LOCAL_SIZE") == str(world_size):
        return "127.0.0.1"
    raise LaunchError(
        f"--launcher {launcher}: the environment variable MASTER_ADDR is not set.",
        next_step="Set MASTER_ADDR to the host of rank 0 (with mpirun: -x MASTER_ADDR=HOST).",
    )


def _port_of_job(environment: Mapping[str, str]) -> int:
    """A port that all ranks of a Slurm job derive alike, so that two jobs on one node do not meet."""
    job = environment.get("SLURM_JOB_ID", "")
    return 20_000 + int(job) % 10_000 if job.isdigit() else _DEFAULT_PORT
