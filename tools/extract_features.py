"""Extract features: python tools/extract_features.py --input data/replica/fakeavceleb --output data/features"""

import sys

from zoo.cli import run
from zoo.cli.extract_features import main

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
