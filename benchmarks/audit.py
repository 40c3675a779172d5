"""The leak audit of a large manifest: near duplicates against comparing all with all, time and memory.

- A manifest of synthetic videos with 32 crops each, whose hashes are like those of faces: half of the bits are nearly
  always the same, and the frames of a video differ in up to three. The crops of 100 videos are those of another.
- The whole audit, from the file to the report, in a process of its own: wall-clock seconds and peak memory.
- The search for near duplicates against comparing each crop of one split with all of another, on some of the crops.

Run: python benchmarks/audit.py [--quick]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa

from zoo.datasets.audit import audit
from zoo.datasets.audit.near_duplicates import near_owners
from zoo.datasets.manifest import SCHEMA, write_manifest
from zoo.faces.likeness import hash_distance

PER_VIDEO = 32
DISTANCE = 4
COMPARISONS = 20_000_000  # from which the time for all is reckoned
LIMIT_S = 60.0  # for 10^6 crops
BAR, QUICK_BAR = 10.0, 3.0
FACE, USUAL = np.uint64(0xDA3C96B1E5720F48), np.uint64(0xF0F0F0F0F0F0F0F0)


def face_hashes(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes, video of each and split of each, [n]; the same at every call."""
    draw = np.random.default_rng(0)
    videos = n // PER_VIDEO
    base = (draw.integers(0, 2**64, videos, dtype=np.uint64) & ~USUAL) | (FACE & USUAL)
    for bit in np.flatnonzero(np.unpackbits(np.array([USUAL]).view(np.uint8), bitorder="little")):
        base ^= (draw.random(videos) < 0.1).astype(np.uint64) << np.uint64(bit)
    hashes, owners = np.repeat(base, PER_VIDEO), np.repeat(np.arange(videos), PER_VIDEO)
    for _ in range(3):
        hashes ^= (draw.random(len(hashes)) < 0.7).astype(np.uint64) << draw.integers(0, 64, len(hashes), np.uint64)
    copies, origins = draw.integers(0, videos, (2, 100))
    hashes.reshape(-1, PER_VIDEO)[copies] = hashes.reshape(-1, PER_VIDEO)[origins]
    return hashes, owners, np.repeat(draw.choice(3, videos, p=[0.72, 0.14, 0.14]), PER_VIDEO)


def write(path: Path, n: int) -> None:
    """A manifest of ``n`` crops at ``path``."""
    hashes, owners, splits = face_hashes(n)
    n = len(hashes)
    ids = pa.array([f"c/video{owner:07}" for owner in owners])
    frames = np.arange(n) % PER_VIDEO
    columns = {
        "sample_id": [f"c/video{owner:07}#{frame:02}" for owner, frame in zip(owners, frames, strict=True)],
        "video_id": ids,
        "corpus": ["c"] * n,
        "split": pa.array(np.array(["train", "val", "test"])[splits]),
        "label": np.zeros(n, np.int8),
        "method": ["real"] * n,
        "identities": [[f"p{owner}"] for owner in owners],
        "source_videos": [[]] * n,
        "original": pa.nulls(n, pa.string()),
        "track": np.zeros(n, np.int16),
        "position": frames.astype(np.int32),
        "time_s": frames.astype(float),
        "path": ids,
        "box": [[0.0, 0.0, 9.0, 9.0]] * n,
        "score": np.ones(n, np.float32),
        "detector": ["none"] * n,
        "phash": hashes,
    }
    write_manifest(path, pa.table(columns, schema=SCHEMA), provenance={})


def measure(path: Path) -> tuple[float, float, float, int]:
    """Seconds of the audit, MB that the process had before, MB at its peak, and pairs of videos found."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    report = audit([path])
    seconds = time.perf_counter() - begun
    return (
        seconds,
        before,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        sum(leak.count for leak in report.leaks),
    )


def search_against_all(n: int) -> tuple[float, float]:
    """Seconds for the near duplicates of ``n`` crops, and for comparing all with all, from a share of them."""
    hashes, owners, splits = face_hashes(n)
    begun = time.perf_counter()
    near_owners(hashes, owners, splits, max_distance=DISTANCE)
    search = time.perf_counter() - begun
    train, rest = hashes[splits == 0], hashes[splits > 0]
    some = rest[: max(1, COMPARISONS // len(train))]
    begun = time.perf_counter()
    for value in some:
        np.flatnonzero(hash_distance(train, value) <= DISTANCE)
    return search, (time.perf_counter() - begun) * len(rest) / len(some)


def run(*, quick: bool = False) -> list[dict]:
    n = 10**5 if quick else 10**6
    with tempfile.TemporaryDirectory() as folder, get_context("spawn").Pool(1) as pool:
        path = Path(folder, "manifest.parquet")
        write(path, n)
        seconds, before, peak, pairs = pool.apply(measure, (path,))
    limit = LIMIT_S * n / 10**6
    detail = f"{seconds:.1f} s, peak {peak:.0f} MB ({before:.0f} before), {pairs:,} pairs of videos found"
    rows = [{"name": f"audit of {n:,} crops against {limit:g} s", "ratio": limit / seconds, "bar": 1.0}]
    rows[0] |= {"holds": seconds <= limit, "detail": detail}
    search, plain = search_against_all(n)
    bar = QUICK_BAR if quick else BAR
    rows.append({"name": f"near duplicates of {n:,} against all with all", "ratio": plain / search, "bar": bar})
    rows[1] |= {"holds": plain / search >= bar, "detail": f"{search:.2f} s against {plain:.0f} s"}
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10^5 crops, where the search saves less")
    for row in run(quick=parser.parse_args().quick):
        print(row)
