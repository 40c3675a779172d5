"""Combine predictions of several members: see `zoo combine --help`."""

import sys

from zoo.cli import run
from zoo.cli.combine import main

if __name__ == "__main__":
    sys.exit(run(main))
