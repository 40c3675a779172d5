"""Check the claims of localization: see `zoo localize-controls --help`."""

import sys

from zoo.cli import run
from zoo.cli.localize_controls import main

if __name__ == "__main__":
    sys.exit(run(main))
