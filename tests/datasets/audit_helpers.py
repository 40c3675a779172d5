"""Synthetic manifests of crops, a few rows a video."""

import numpy as np
import pyarrow as pa

from zoo.datasets.manifest import SCHEMA, write_manifest

_RANDOM = np.random.default_rng(7)


def video(video_id, split, *, identities=(), sources=(), original=None, hashes=None, corpus=None, label=0):
    """The rows of one video; without ``hashes``, two random ones that no other video is near to."""
    hashes = [far_hash(), far_hash()] if hashes is None else hashes
    return [
        {
            "sample_id": f"{video_id}#{position}",
            "video_id": video_id,
            "corpus": corpus or video_id.split("/")[0],
            "split": split,
            "label": label,
            "method": "real",
            "identities": list(identities),
            "source_videos": list(sources),
            "original": original,
            "track": 0,
            "position": position,
            "time_s": float(position),
            "path": f"{video_id}/{position}.jpg",
            "box": [0.0, 0.0, 9.0, 9.0],
            "score": 1.0,
            "detector": "none",
            "phash": int(value),
        }
        for position, value in enumerate(hashes)
    ]


def far_hash():
    """A hash with 32 bits set, as those of pictures have; two of them differ in about 32 bits."""
    bits = np.zeros(64, bool)
    bits[_RANDOM.permutation(64)[:32]] = True
    return int(np.packbits(bits).view(">u8")[0])


def flipped(value, *bits):
    for bit in bits:
        value ^= 1 << bit
    return value


def write(folder, *videos, name="manifest.parquet"):
    """A manifest in ``folder`` with the rows of ``videos``; returns its path."""
    rows = [row for rows in videos for row in rows]
    path = folder / name
    write_manifest(path, pa.Table.from_pylist(rows, schema=SCHEMA), provenance={"detector": "none"})
    return path


def found(report):
    """``{(kind, splits): count}``."""
    return {(leak.kind, "/".join(leak.splits)): leak.count for leak in report.leaks}
