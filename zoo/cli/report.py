"""``zoo report RUN_DIR``: a run's figures, curves and timelines as one self-contained HTML page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="zoo report", description=__doc__)
    parser.add_argument("run_dir", help="the work directory of a run that was tested or trained")
    parser.add_argument("--output", metavar="FILE", help="where the page goes (default: RUN_DIR/report.html)")
    options = parser.parse_args(argv)
    from zoo.report.build import write_report

    print(f"report: {write_report(options.run_dir, options.output)}")
    return 0
