"""How fast face crops are loaded: against torchvision's ImageFolder with Pillow, and against decoding alone.

1,000 face-like crops of 224 x 224 pixels as JPEG files of quality 95, in batches of 32, shuffled, in one process and
one thread, with warm files.

- With augmentation, from files to normalised floats: the guide's preset, normalised as a batch as detectors do it,
  against ImageFolder, Pillow and the same operations of albumentations in a `Compose` that ends in `Normalize` and
  `ToTensorV2`. The detail gives both ways to batches of bytes too.
- Without: against nothing but decoding the same JPEGs, already in memory, by simplejpeg.

Run: python benchmarks/crop_loading.py [--quick]
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import simplejpeg
import torch
from _rows import at_least, run_alone
from _timing import medians
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from zoo._compat import import_albumentations
from zoo.datasets.collate import collate_crops
from zoo.datasets.crops import CropDataset
from zoo.datasets.manifest import SCHEMA, write_manifest
from zoo.datasets.replica.identity import make_face, prepare
from zoo.datasets.replica.photos import astronaut
from zoo.datasets.transforms.presets import PRESETS

ROOT = Path("work_dirs/bench/crop_loading")
CROPS, SIZE, BATCH, VIDEO = 1_000, 224, 32, 10
AUGMENTED_BAR, PLAIN_BAR = 1.3, 0.7


def write_crops(root: Path, count: int) -> list[str]:
    """Invented people of a replica, as crops in ``train/{real,fake}/<video>`` with their manifest."""
    rng = np.random.default_rng(0)
    sitter = prepare(astronaut())
    faces = [make_face(sitter, rng=rng).texture for _ in range(20)]
    shutil.rmtree(root, ignore_errors=True)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        face = faces[number % len(faces)]
        angle, scale = rng.uniform(-20, 20), rng.uniform(0.9, 1.6)
        matrix = np.array(cv2.getRotationMatrix2D((144, 150), angle, scale))
        matrix[:, 2] += SIZE / 2 - np.array([144, 150])
        crop = cv2.warpAffine(face, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)
        crop += rng.normal(0, 2, crop.shape)  # the noise of a sensor
        label, video = number // VIDEO % 2, f"bench/{number // VIDEO:04d}"
        path = f"train/{('real', 'fake')[label]}/{number // VIDEO:04d}/{number % VIDEO:02d}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(crop, 0, 255).astype(np.uint8)[..., ::-1]
        (root / path).write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
        rows.append(
            {
                "sample_id": f"{video}#{number % VIDEO}",
                "video_id": video,
                "corpus": "bench",
                "split": "train",
                "label": label,
                "method": ("real", "swap")[label],
                "identities": [],
                "source_videos": [],
                "original": None,
                "track": 0,
                "position": number % VIDEO,
                "time_s": 0.0,
                "path": path,
                "box": [0.0, 0.0, 1.0, 1.0],
                "score": 1.0,
                "detector": "none",
                "phash": 0,
                "points": None,
            }
        )
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    write_manifest(root / "manifest.parquet", table, provenance={"image_size": SIZE})
    return [row["path"] for row in rows]


def operations(library: Any) -> list[Any]:
    """The guide's preset as one writes it with albumentations."""
    return [getattr(library, op["op"])(**{key: op[key] for key in op if key != "op"}) for op in PRESETS["guide"]]


def plain_loader(root: Path, *, normalised: bool) -> DataLoader:
    library = import_albumentations()
    from albumentations.pytorch import ToTensorV2

    end = [library.Normalize(), ToTensorV2()] if normalised else [ToTensorV2()]
    steps = library.Compose([*operations(library), *end])
    folder = ImageFolder(root / "train", transform=lambda image: steps(image=np.asarray(image))["image"])
    return DataLoader(folder, batch_size=BATCH, shuffle=True)


def our_loader(root: Path, *, preset: str) -> DataLoader:
    transforms = [{"type": "AugmentationPreset", "name": preset}] if preset != "none" else []
    dataset = CropDataset(str(root), transforms=transforms, allow_leaks=True)
    return DataLoader(dataset, batch_size=BATCH, shuffle=True, collate_fn=collate_crops)


def exhaust(items: Iterable) -> Callable[[], None]:
    def run() -> None:
        for _ in items:
            pass

    return run


def normalise_all(loader: DataLoader) -> Callable[[], None]:
    """Exhausts ``loader`` and makes floats of its batches, with mean and deviation repeated along the rows."""
    mean, deviation = (
        255 * torch.tensor(values).repeat(SIZE) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )

    def run() -> None:
        for batch in loader:
            image = batch["inputs"]["image"].permute(0, 2, 3, 1)
            rows = image.reshape(len(image), SIZE, SIZE * 3).float()
            rows.sub_(mean).div_(deviation)

    return run


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    count, turns = (100, 1) if quick else (CROPS, 3)
    paths = write_crops(ROOT, count)
    contents = [(ROOT / path).read_bytes() for path in paths]

    def decode() -> None:
        for content in contents:
            simplejpeg.decode_jpeg(content, "RGB")

    taken = medians(
        {
            "plain": exhaust(plain_loader(ROOT, normalised=False)),
            "usual": exhaust(plain_loader(ROOT, normalised=True)),
            "ours": normalise_all(our_loader(ROOT, preset="guide")),
            "bytes": exhaust(our_loader(ROOT, preset="guide")),
            "bare": exhaust(our_loader(ROOT, preset="none")),
            "decode": decode,
        },
        turns,
    )
    shutil.rmtree(ROOT)
    each = {name: 1000 * seconds / count for name, seconds in taken.items()}
    augmented = (
        f"{each['usual']:.2f} and {each['ours']:.2f} ms a crop; to bytes {each['plain']:.2f} and {each['bytes']:.2f}, "
        f"{each['plain'] / each['bytes']:.2f} x"
    )
    bare = f"{each['bare']:.2f} ms a crop, of which decoding alone {each['decode']:.2f}"
    return [
        at_least(
            "crops: loading with the guide's augmentation", taken["usual"] / taken["ours"], AUGMENTED_BAR, augmented
        ),
        at_least("crops: loading as share of decoding alone", taken["decode"] / taken["bare"], PLAIN_BAR, bare),
    ]


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
