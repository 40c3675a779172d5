"""Find where in time videos are fake: ``python tools/localize.py``; ``--help`` lists the options."""

import sys

from zoo.cli import run
from zoo.cli.localize import main

if __name__ == "__main__":
    sys.exit(run(main))
