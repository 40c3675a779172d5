"""Write a synthetic stand-in for a corpus: python tools/make_replica.py --output data/replica/fakeavceleb"""

import sys

from zoo.cli import run
from zoo.cli.make_replica import main

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
