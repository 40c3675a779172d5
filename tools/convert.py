"""Import a checkpoint of another program: ``python tools/convert.py crossmodal IN OUT``; see ``--help``."""

import sys

from zoo.cli import run
from zoo.cli.convert import main

if __name__ == "__main__":
    sys.exit(run(main))
