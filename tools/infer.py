"""Score files: ``python tools/infer.py --checkpoint best.pth --data DIR --output submission.csv``; see ``--help``."""

import sys

from zoo.cli import run
from zoo.cli.infer import main

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
