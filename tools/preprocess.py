"""Cut faces out of a corpus: ``python tools/preprocess.py --input CORPUS --output CROPS``; see ``--help``."""

import sys

from zoo.cli import run
from zoo.cli.preprocess import main

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
