"""``zoo publish IN OUT``: the portable form of a checkpoint, as ``*.pth`` or ``*.safetensors``.

It holds what rebuilds and explains the model anywhere (weights, architecture, label contract, provenance, figures) and
nothing that only training needs. ``zoo.load_model`` reads both forms.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import CheckpointError


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="zoo publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="IN", help="a training checkpoint or a published one")
    parser.add_argument("out", metavar="OUT", help="*.pth or *.safetensors")
    options = parser.parse_args(argv)
    if Path(options.out).suffix not in (".pth", ".safetensors"):
        raise CheckpointError(
            f"Nothing is published as {Path(options.out).name!r}.",
            where="OUT",
            next_step="End the name in .pth or .safetensors.",
        )
    from zoo.engine.checkpoint import publish

    print(f"published: {publish(options.source, options.out)}")
    return 0
