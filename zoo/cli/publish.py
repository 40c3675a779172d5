"""``zoo publish IN OUT``: the portable form of a checkpoint, as ``*.pth`` or ``*.safetensors``.

It holds what rebuilds and explains the model anywhere (weights, architecture, label contract, provenance, figures) and
nothing that only training needs. ``zoo.load_model`` reads both forms.

Several trained detectors of one input become one model of all, `DetectorEnsemble`:

    zoo publish cross_modal=a/best.pth audio=b/best.pth both.safetensors --mean-of probabilities
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
    parser.add_argument("sources", nargs="+", metavar="IN", help="a checkpoint of any form, or several as NAME=IN")
    parser.add_argument("out", metavar="OUT", help="*.pth or *.safetensors")
    parser.add_argument(
        "--mean-of", choices=("logits", "probabilities"), default="logits", help="what several are averaged by"
    )
    options = parser.parse_args(argv)
    if Path(options.out).suffix not in (".pth", ".safetensors"):
        raise CheckpointError(
            f"Nothing is published as {Path(options.out).name!r}.",
            where="OUT",
            next_step="End the name in .pth or .safetensors.",
        )
    from zoo.engine.checkpoint import publish
    from zoo.engine.member_checkpoints import join_published

    if len(options.sources) == 1:
        source = options.sources[0]
    else:
        source = join_published(_named(options.sources), mean_of=options.mean_of)
    print(f"published: {publish(source, options.out)}")
    return 0


def _named(sources: Sequence[str]) -> dict[str, str]:
    """Name to path out of ``NAME=PATH``.

    Raises:
        CheckpointError: one has no name, or a name that is given twice or holds a dot.
    """
    named: dict[str, str] = {}
    for source in sources:
        name, sign, path = source.partition("=")
        if not sign or not name or "." in name or name in named:
            raise CheckpointError(
                f"{source!r} does not name a member.",
                where="IN",
                next_step="Give several checkpoints as NAME=IN, each with a name of its own and without dots.",
            )
        named[name] = path
    return named
