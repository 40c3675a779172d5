"""Write the portable form of a checkpoint: see `zoo publish --help`."""

import sys

from zoo.cli import run
from zoo.cli.publish import main

if __name__ == "__main__":
    sys.exit(run(main))
