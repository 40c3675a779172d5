"""Figures of saved predictions, with intervals: python tools/evaluate.py PREDICTIONS ; see `zoo evaluate --help`."""

import sys

from zoo.cli import run
from zoo.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(run(main))
