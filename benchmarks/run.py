"""Run every benchmark, print one table and write work_dirs/bench/summary.json.

Each module beside this file, but those that begin with an underscore, has ``run(quick)``, which measures our way
against the plain way in one run and returns rows of ``{name, ratio, bar, holds, detail}``. Every module runs in a
process of its own.

    python benchmarks/run.py [--quick] [--only train_step ...] [--output work_dirs/bench/summary.json]
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from zoo.files import write_json

HERE = Path(__file__).parent
MODULES = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "run" and path.stem[0] != "_")


def measure(module: str, quick: bool) -> list[dict]:
    sys.path.insert(0, str(HERE))
    return importlib.import_module(module).run(quick=quick)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a check that the benchmarks run")
    parser.add_argument("--only", nargs="+", choices=MODULES, default=MODULES)
    parser.add_argument("--output", type=Path, default=Path("work_dirs/bench/summary.json"))
    options = parser.parse_args()
    rows = []
    for module in options.only:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            rows += pool.submit(measure, module, options.quick).result()
    table = Table("benchmark", "ratio", "bar", "holds", "detail")
    for row in rows:
        mark = "[green]yes" if row["holds"] else "[red]no"
        table.add_row(row["name"], f"{row['ratio']:.2f}", str(row["bar"]), mark, str(row.get("detail", "")))
    Console().print(table)
    write_json(options.output, rows)
    print(f"written: {options.output}")
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
