"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``; ``--help`` lists the options."""

import sys

from zoo.cli import run
from zoo.cli.test import main

if __name__ == "__main__":
    sys.exit(run(main))
