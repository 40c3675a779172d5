"""``zoo report RUN_DIR``: a run's figures, curves and timelines as one self-contained HTML page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="zoo report", description=__doc__)
    parser.add_argument("run_dir", help="the work directory of a run that was tested or trained")
    parser.add_argument("--output", metavar="FILE", help="where the page goes (default: RUN_DIR/report.html)")
    parser.add_argument("--results", metavar="FILE", help="what zoo test saved (default: RUN_DIR/results.json)")
    parser.add_argument("--predictions", metavar="FILE", help="its predictions (default: RUN_DIR/predictions.parquet)")
    options = parser.parse_args(argv)
    from zoo.report.build import write_report

    page = write_report(options.run_dir, options.output, predictions=options.predictions, results=options.results)
    print(f"report: {page}")
    return 0
