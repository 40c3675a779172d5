"""Write the HTML report of a run: ``python tools/report.py RUN_DIR``; ``--help`` lists the options."""

import sys

from zoo.cli import run
from zoo.cli.report import main

if __name__ == "__main__":
    sys.exit(run(main))
