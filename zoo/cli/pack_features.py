"""``zoo pack-features``: an npz tree of features as a packed store, which is read many times faster."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.features.npz_tree import NpzTree
    from zoo.features.store import FeatureStoreWriter


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="zoo pack-features", description=__doc__)
    parser.add_argument("--input", type=Path, required=True, help="root of {real,fake}/<clip>/*_embeddings.npz")
    parser.add_argument("--output", type=Path, required=True, help="folder of the store; resumed if it is there")
    parser.add_argument("--fingerprint", required=True, help="name of the extractor that made these features")
    parser.add_argument("--fps", type=float, help="rows a second, for clips that do not tell")
    parser.add_argument("--corpus", help="name of the corpus (default: the input folder's name)")
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float32")
    parser.add_argument(
        "--max-bad-fraction",
        type=float,
        default=0.0,
        help="share of broken clips that are left out and named rather than an error (default: %(default)s)",
    )
    options = parser.parse_args(argv)

    from zoo.errors import DataError
    from zoo.features.npz_tree import NpzTree
    from zoo.features.store import FeatureStoreWriter

    tree = NpzTree(options.input, corpus=options.corpus)
    writer = FeatureStoreWriter(
        options.output,
        fingerprint=options.fingerprint,
        visual_dim=tree.visual_dim,
        audio_dim=tree.audio_dim,
        dtype=options.dtype,
    )
    done = writer.done()
    broken: dict[str, str] = {}
    for row in range(len(tree)):
        record = tree.record(row)
        if record.video_id in done:
            continue
        try:
            _add(writer, tree, row, fps=options.fps)
        except DataError as error:
            broken[record.video_id] = error.what
            if len(broken) > options.max_bad_fraction * len(tree):
                raise
    meta = writer.pack()
    for name, reason in broken.items():
        print(f"left out {name}: {reason}")
    print(f"{meta.clips:,} clips, {meta.rows:,} rows in {options.output}; hash {meta.hash}")
    return 0


def _add(writer: FeatureStoreWriter, tree: NpzTree, row: int, *, fps: float | None) -> None:
    import numpy as np

    from zoo.errors import DataError

    clip, record = tree.load(row), tree.record(row)
    rate = clip.fps or fps
    if rate is None:
        raise DataError(
            "The clip does not tell its rows a second.", where=record.path, next_step="Give them with --fps."
        )
    frames = clip.frames
    writer.add(
        record,
        clip.features["visual"],
        clip.features["audio"],
        np.arange(len(frames)) / rate,
        frames["visual"].astype(bool),
        frames["audio"].astype(bool),
        frame_labels=frames["label"],
    )
