"""Turn an npz tree of features into a packed store: python tools/pack_features.py --input TREE --output STORE"""

import sys

from zoo.cli import run
from zoo.cli.pack_features import main

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
