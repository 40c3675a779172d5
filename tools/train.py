"""Train a detector: ``python tools/train.py CONFIG``; ``--help`` lists the options."""

import sys

from zoo.cli import run
from zoo.cli.train import main

if __name__ == "__main__":
    sys.exit(run(main))
