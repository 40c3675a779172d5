"""Where crops lie: cold random reads of a pack against one file a crop, and how many files each makes.

The same 20,000 JPEG crops of 224 x 224 pixels, read in random order with the page cache emptied of them before each
turn. Run: python benchmarks/crop_storage.py [--quick]
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from _rows import at_least, run_alone

from zoo.datasets.packs import CropPacks

ROOT = Path("work_dirs/bench/crop_storage")
CROPS, VIDEO = 20_000, 32
BAR = 1.0


def write_crops(root: Path, count: int) -> list[str]:
    """Noise over a gradient, about the size of a face crop at quality 95."""
    rng = np.random.default_rng(0)
    shade = np.linspace(60, 200, 224, dtype=np.float32)
    paths = []
    for number in range(count):
        picture = shade[:, None, None] + rng.normal(0, 6, (224, 224, 1)) + rng.uniform(-30, 30, 3)
        path = f"train/real/{number // VIDEO:05d}/{number % VIDEO:02d}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        _, content = cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
        (root / path).write_bytes(content.tobytes())
        paths.append(path)
    return paths


def forget(root: Path) -> None:
    """Empty the page cache of all files below ``root``."""
    os.sync()
    for path in root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def cold(root: Path, read: Callable[[int], bytes], order: np.ndarray) -> float:
    """Crops a second."""
    forget(root)
    start = time.perf_counter()
    for row in order:
        read(int(row))
    return len(order) / (time.perf_counter() - start)


def run(quick: bool = False) -> list[dict]:
    """The measurement as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    count, turns = (500, 1) if quick else (CROPS, 5)
    shutil.rmtree(ROOT, ignore_errors=True)
    files, packed = ROOT / "files", ROOT / "packed"
    paths = write_crops(files, count)
    shutil.copytree(files, packed)
    packs = CropPacks(packed)
    packs.add(paths)
    rows = packs.find(paths)
    rates: dict[str, list[float]] = {"files": [], "pack": []}
    for turn in range(turns):
        order = np.random.default_rng(turn).permutation(count)
        rates["files"].append(cold(files, lambda row: (files / paths[row]).read_bytes(), order))
        rates["pack"].append(cold(packed, lambda row: packs.read(rows[row]), order))
    each = {name: median(values) for name, values in rates.items()}
    many = {name: sum(path.is_file() for path in (ROOT / name).rglob("*")) for name in ("files", "packed")}
    shutil.rmtree(ROOT)
    ratio = each["pack"] / each["files"]
    detail = f"{each['files']:,.0f} and {each['pack']:,.0f} a second; {many['files']:,} and {many['packed']:,} files"
    name = "crops: cold random reads, a pack against files"
    return [at_least(name, ratio, BAR, detail)]


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
