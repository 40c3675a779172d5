"""What the controls share: commands run as a user would, and one result a case, kept for the next time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zoo.errors import ZooError
from zoo.files import write_json

Case = TypeVar("Case")

FIGURES = "figures.json"


def run_zoo(folder: Path, *arguments: str, accepted: Sequence[int] = (0,)) -> None:
    """Run a command as a user would, on one thread, with its output in a log beside the results.

    Raises:
        ZooError: it ended with an exit code that is not ``accepted``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    print(f"[{folder.name}] zoo {' '.join(arguments)}", flush=True)
    log = folder / "log.txt"
    with log.open("ab") as file:
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    if done.returncode not in accepted:
        raise ZooError(f"`zoo {arguments[0]}` ended with exit code {done.returncode}.", where=log)


def count_photographs(folder: Path | None) -> int:
    """How many photographs replicas are made after: those in ``folder`` that can be used, and the built-in one."""
    from zoo.datasets.replica.photos import read_photographs

    return 1 + (0 if folder is None else len(read_photographs(folder)[0]))


def measure_all(
    cases: Sequence[Case],
    *,
    folder_of: Callable[[Case], Path],
    measure: Callable[[Path, Case], dict],
    jobs: int,
    resume: bool,
) -> list[dict]:
    """The figures of every case, ``jobs`` at once; with ``resume`` those of an earlier run are kept."""

    def figures(case: Case) -> dict:
        path = folder_of(case) / FIGURES
        if not (resume and path.is_file()):
            write_json(path, measure(folder_of(case), case))
        return json.loads(path.read_text(encoding="utf-8"))

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(figures, cases))
