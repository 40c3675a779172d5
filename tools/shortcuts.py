"""What trivial properties of files give away: python tools/shortcuts.py --input FOLDER ; see `zoo shortcuts --help`."""

import sys

from zoo.cli import run
from zoo.cli.shortcuts import main

if __name__ == "__main__":
    sys.exit(run(main))
