"""What the controls share: commands run as a user would, and one result a case, kept for the next time."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from zoo.errors import ZooError
from zoo.files import write_json

Case = TypeVar("Case")

FIGURES = "figures.json"
SOME_FAILED: Final = (0, 3)  # exit codes of preprocessing and extraction that leave something to work with


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


def add_control_arguments(parser: argparse.ArgumentParser, *, name: str) -> None:
    """``--work-dir`` (by default one called ``name``), ``--seeds``, ``--jobs`` and ``--resume``."""
    add = parser.add_argument
    add("--work-dir", type=Path, default=Path("work_dirs") / name, metavar="DIR")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--jobs", type=int, default=2, help="how many run at once, one thread each (default: 2)")
    add("--resume", action="store_true", help="keep the figures that an earlier run has finished")


def conclude(
    work_dir: Path,
    runs: Sequence[Mapping],
    checks: Sequence[Mapping],
    *,
    show: Callable[[Sequence[Mapping], Sequence[Mapping]], None],
    **facts: object,
) -> int:
    """Write ``summary.json`` with ``facts``, runs and checks, show both, and return 1 where a check does not hold."""
    path = work_dir / "summary.json"
    write_json(path, {**facts, "runs": runs, "checks": checks})
    show(runs, checks)
    print(f"written: {path}")
    return 0 if all(check["holds"] for check in checks) else 1


def cut_crops(folder: Path, replica: Path | str, crops: Path | str, *, workers: int) -> None:
    """Cut the small crops of a replica that the small twins are made for: 112 pixels, 8 frames a video."""
    run_zoo(
        folder,
        *("preprocess", "--input", str(replica), "--output", str(crops), "--detector", "retinaface"),
        *("--image-size", "112", "--frames-per-video", "8", "--num-workers", str(workers)),
        accepted=SOME_FAILED,
    )


def tested(folder: Path, models: Mapping[str, str], features: str, *, seed: int) -> dict[str, dict]:
    """The results of every config of ``models`` by its name: trained on ``features``, and tested on unseen people."""
    found = {}
    for name, config in models.items():
        run, results = str(folder / name), folder / f"{name}.json"
        data = ["--work-dir", run, "--data-root", features]
        run_zoo(folder, "train", config, *data, "--seed", str(seed))
        run_zoo(folder, "test", config, f"{run}/best.pth", *data, "--output", str(results), "--no-timelines")
        found[name] = json.loads(results.read_text(encoding="utf-8"))
    return found


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
