"""Check what small detectors of face crops reach on unseen people: see `zoo visual-controls --help`."""

import sys

from zoo.cli import run
from zoo.cli.visual_controls import main

if __name__ == "__main__":
    sys.exit(run(main))
