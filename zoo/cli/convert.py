"""``zoo convert KIND IN OUT``: import a checkpoint of another program.

Kinds: ``crossmodal``, the original cross-modal training script (labels are flipped to real = 0, fake = 1).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="zoo convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=["crossmodal"], help="the program that wrote the checkpoint")
    parser.add_argument("source", metavar="IN", help="its checkpoint")
    parser.add_argument("out", metavar="OUT", help="the published form: *.pth or *.safetensors")
    parser.add_argument(
        "--num-heads", type=int, metavar="N", help="attention heads, where the checkpoint does not tell"
    )
    options = parser.parse_args(argv)
    from importlib.metadata import version

    from zoo.detectors.convert import convert_cross_modal
    from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, load_weights, publish, read_checkpoint
    from zoo.files import sha256_of
    from zoo.registry import build

    checkpoint = read_checkpoint(options.source)
    architecture, weights = convert_cross_modal(checkpoint, num_heads=options.num_heads, where=options.source)
    load_weights(build("detector", architecture), weights, where=options.source)
    published = {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": weights,
        "architecture": architecture,
        "labels": dict(LABELS),
        "provenance": {"converted_from": options.kind, "source_sha256": sha256_of(options.source)},
        "metrics": {},
        "epoch": int(checkpoint.get("epoch", 0)),
        "iteration": 0,
        "zoo_version": version("deepfake-zoo"),
    }
    print(f"published: {publish(published, options.out)}")
    return 0
