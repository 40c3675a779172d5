"""Check what an ensemble gains over its best member: see `zoo ensemble-controls --help`."""

import sys

from zoo.cli import run
from zoo.cli.ensemble_controls import main

if __name__ == "__main__":
    sys.exit(run(main))
