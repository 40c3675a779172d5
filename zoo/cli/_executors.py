"""Options of commands that spread their work: over processes of this machine, or over a Ray cluster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.jobs.task import Executor


def add_executor_arguments(parser: argparse._ActionsContainer, *, workers: str, item: str) -> None:
    """Add ``--num-workers``, ``--executor``, ``--address``, ``--timeout`` and ``--memory-gb``.

    Args:
        parser: or a group of one.
        workers: what the help calls the workers.
        item: what it calls that which one of them is given at a time.
    """
    add = parser.add_argument
    add("--num-workers", type=int, help=f"{workers}; by default one a CPU, 0 for none")
    add("--executor", choices=("process", "ray"), default="process", help="this machine, or a Ray cluster")
    add("--address", default="auto", help="of the Ray cluster")
    add("--timeout", type=float, default=900.0, metavar="SECONDS", help=f"for one {item}")
    add("--memory-gb", type=float, default=4.0, help="that a worker may allocate")


def executor_of(options: argparse.Namespace) -> Executor:
    """The executor that the options ask for."""
    from zoo.jobs.executors import make_executor

    return make_executor(
        options.executor,
        workers=options.num_workers,
        timeout_s=options.timeout,
        memory_bytes=round(options.memory_gb * (1 << 30)),
        address=options.address,
    )
