"""Check the claims of the demo: see `zoo demo-controls --help`."""

import sys

from zoo.cli import run
from zoo.cli.demo_controls import main

if __name__ == "__main__":
    sys.exit(run(main))
