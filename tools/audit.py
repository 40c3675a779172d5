"""Find what crosses the splits of crop manifests: python tools/audit.py MANIFEST... ; see `zoo audit --help`."""

import sys

from zoo.cli import run
from zoo.cli.audit import main

if __name__ == "__main__":
    sys.exit(run(main))
