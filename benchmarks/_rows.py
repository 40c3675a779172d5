"""What benchmarks give: rows of ``{name, ratio, bar, holds, detail}``, and their lines where one is run alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence


def at_least(name: str, ratio: float, bar: float, detail: str, *, digits: int = 2) -> dict:
    """The row of a ratio that must not be below ``bar``."""
    return {"name": name, "ratio": round(ratio, digits), "bar": bar, "holds": ratio >= bar, "detail": detail}


def at_most(name: str, ratio: float, bar: float, detail: str, *, digits: int = 2) -> dict:
    """The row of a ratio that must not be above ``bar``."""
    return {"name": name, "ratio": round(ratio, digits), "bar": bar, "holds": ratio <= bar, "detail": detail}


def report(rows: Sequence[dict]) -> int:
    """Print a line a row; 0 if all bars hold, else 1."""
    for row in rows:
        print(f"{row['name']}: {row['ratio']} (bar {row['bar']}); {row['detail']}")
    return 0 if all(row["holds"] for row in rows) else 1


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser of ``--quick``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: a check that the benchmark runs")
    return parser


def run_alone(run: Callable[[bool], Sequence[dict]], description: str | None) -> int:
    """The command line of a benchmark: measure, print, and tell by the exit code whether all bars hold."""
    return report(run(parser_of(description).parse_args().quick))
