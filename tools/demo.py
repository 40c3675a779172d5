"""Run the demo: see `zoo demo --help`."""

import sys

from zoo.cli import run
from zoo.cli.demo import main

if __name__ == "__main__":
    sys.exit(run(main))
