"""Write a plugin package: see `zoo new-plugin --help`."""

import sys

from zoo.cli import run
from zoo.cli.new_plugin import main

if __name__ == "__main__":
    sys.exit(run(main))
