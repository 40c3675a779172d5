"""Tiny crops with a manifest, as preprocessing leaves them; what a crop shows tells which one it is."""

import hashlib

import cv2
import numpy as np
import pyarrow as pa
from audit_helpers import video, write

from zoo.datasets.manifest import read_manifest, write_manifest
from zoo.datasets.packs import CropPacks

SIZE = 8


def clip(video_id, split, label, *, crops=6, **facts):
    """The rows of a video: hashes far from those of all others, times 0.5 s apart."""
    seed = int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:8], "big")
    random = np.random.default_rng(seed)
    hashes = [int(np.packbits(random.permutation(64) < 32).view(">u8")[0]) for _ in range(crops)]
    rows = video(video_id, split, label=label, hashes=hashes, **facts)
    for position, row in enumerate(rows):
        row |= {"sample_id": f"{video_id}#{position:03d}", "path": f"{video_id}/{position:03d}.png"}
        row |= {"method": ("real", "swap")[max(label, 0)], "time_s": position / 2}
    return rows


def colour(label, position):
    """Blue is 250 in fakes and 5 in real crops, red counts the frames, left half and right half differ in green."""
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[..., 0] = position
    picture[:, : SIZE // 2, 1] = 255
    picture[..., 2] = 250 if label == 1 else 5
    return picture


def corpus(name="c", *, videos=4, crops=6, splits=("train", "val", "test")):
    """For each split ``videos`` videos of both classes in turn, each of another person."""
    return [
        clip(f"{name}/{split}{index}", split, index % 2, crops=crops, identities=[f"{name}-{split}-{index}"])
        for split in splits
        for index in range(videos)
    ]


def write_crops(root, *videos, packed=False, margin=0.2):
    """Pictures and manifest of ``videos`` below ``root``; returns it."""
    path = write(root, *videos)
    table = read_manifest(path).table
    write_manifest(path, table, provenance={"detector": "none", "margin": margin, "image_size": SIZE})
    for row in table.select(["path", "label", "position"]).to_pylist():
        (root / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        picture = cv2.cvtColor(colour(row["label"], row["position"]), cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(root / row["path"]), picture)
    if packed:
        CropPacks(root).add(table["path"].to_pylist())
    return root


def many_rows(root, crops):
    """A manifest of ``crops`` crops without pictures, ten a video, half of them fake."""
    index = np.arange(crops)
    owner = index // 10
    names = [f"video{number:07d}" for number in owner]
    rows = {
        "sample_id": [f"{name}#{position}" for name, position in zip(names, index % 10, strict=True)],
        "video_id": names,
        "corpus": ["many"] * crops,
        "split": np.where(owner % 10 < 8, "train", "test"),
        "label": (owner % 2).astype(np.int8),
        "method": np.where(owner % 2, "swap", "real"),
        "identities": pa.array([[]] * crops, pa.list_(pa.string())),
        "source_videos": pa.array([[]] * crops, pa.list_(pa.string())),
        "original": pa.nulls(crops, pa.string()),
        "track": np.zeros(crops, np.int16),
        "position": (index % 10).astype(np.int32),
        "time_s": index % 10 / 2,
        "path": [f"{name}/{position}.jpg" for name, position in zip(names, index % 10, strict=True)],
        "box": pa.array([[0, 0, 9, 9]] * crops, pa.list_(pa.float32(), 4)),
        "score": np.ones(crops, np.float32),
        "detector": ["none"] * crops,
        "phash": np.zeros(crops, np.uint64),
    }
    write_manifest(root / "manifest.parquet", pa.table(rows), provenance={"image_size": SIZE})
    return root
