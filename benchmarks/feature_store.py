"""Random access to features: the packed store against npz files, and its memory.

Measured interleaved with warm page caches, each way at its best of several turns:

- random 256-row windows from a store against opening two npz files a sample, plain and compressed: one process, one
  thread, CPU time (what else runs on the machine does not count);
- the same through a data loader with two workers: wall-clock time;
- private memory that a further clip costs, from 1,000 to 100,000 clips all read, against a list of records.

Run: python benchmarks/feature_store.py [--quick]
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import DataLoader, Dataset

from zoo.datasets.collate import collate_features
from zoo.datasets.features import FeatureDataset
from zoo.features.layout import BLOBS, FRAME, INDEX, SCHEMA, StoreMeta, index_row
from zoo.features.store import FeatureStore, FeatureStoreWriter
from zoo.structures import LABEL_NAMES, VideoRecord

WIDTH = 512
ROWS = 256
BATCH = 32


class PlainNpzDataset(Dataset):
    """The way without a store: two npz files opened for each sample, a random crop, two tensors."""

    def __init__(self, root: Path):
        self.clips = [
            (folder, label) for label, name in enumerate(LABEL_NAMES) for folder in sorted((root / name).iterdir())
        ]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        folder, label = self.clips[index]
        with np.load(folder / "visual_embeddings.npz") as file:
            visual = file["embeddings"]
        with np.load(folder / "audio_embeddings.npz") as file:
            audio = file["embeddings"]
        start = np.random.randint(len(visual) - ROWS + 1)  # noqa: NPY002
        window = slice(start, start + ROWS)
        return torch.from_numpy(visual[window]), torch.from_numpy(audio[window]), label


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    clips = 64 if quick else 200
    repeats = 3 if quick else 7
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_corpora(root, clips=clips, frames=3 * ROWS // 2)
        store = FeatureDataset(str(root / "store"), split=None, seq_len=ROWS)
        half = FeatureDataset(str(root / "half"), split=None, seq_len=ROWS)
        plain, packed = PlainNpzDataset(root / "npz"), PlainNpzDataset(root / "npz_compressed")
        direct = _interleaved(
            {
                "store": lambda: _direct_batches(store, clips),
                "half": lambda: _direct_batches(half, clips),
                "npz": lambda: _direct_samples(plain, clips),
                "compressed": lambda: _direct_samples(packed, max(clips // 4, 16)),
            },
            repeats,
        )
        loaders = {"store": _loader(store, collate_features), "npz": _loader(plain, None)}
        loaded = _interleaved({name: _epochs(loader, 2 if quick else 4) for name, loader in loaders.items()}, repeats)
        rows = [
            _row("feature store: random windows, against two npz files", direct["store"] / direct["npz"], 8, direct),
            _row("feature store: against two compressed npz files", direct["store"] / direct["compressed"], 30, direct),
            _row("feature store: through a loader with two workers", loaded["store"] / loaded["npz"], 2, loaded),
        ]
    return [*rows, _memory_row(quick)]


def _row(name: str, ratio: float, bar: float, rates: Mapping[str, float]) -> dict:
    detail = ", ".join(f"{key} {rate:,.0f} samples/s" for key, rate in rates.items())
    return {"name": name, "ratio": round(ratio, 2), "bar": bar, "holds": ratio >= bar, "detail": detail}


def _interleaved(trials: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The best samples a second of each trial; they take turns, so that a busy machine slows all of them."""
    rates: dict[str, list[float]] = {name: [] for name in trials}
    for trial in trials.values():
        trial()
    for _ in range(repeats):
        for name, trial in trials.items():
            rates[name].append(trial())
    return {name: max(values) for name, values in rates.items()}


def _direct_batches(dataset: FeatureDataset, samples: int) -> float:
    order = np.random.default_rng(0).permutation(len(dataset))[:samples].tolist()
    start = time.process_time()
    for first in range(0, len(order), BATCH):
        collate_features(dataset.__getitems__(order[first : first + BATCH]))
    return len(order) / (time.process_time() - start)


def _direct_samples(dataset: Dataset, samples: int) -> float:
    order = np.random.default_rng(0).permutation(len(dataset))[:samples].tolist()
    start = time.process_time()
    for index in order:
        dataset[index]
    return len(order) / (time.process_time() - start)


def _loader(dataset: Dataset, collate: Callable | None) -> DataLoader:
    return DataLoader(
        dataset, batch_size=BATCH, shuffle=True, num_workers=2, collate_fn=collate, persistent_workers=True
    )


def _epochs(loader: DataLoader, epochs: int) -> Callable[[], float]:
    def measure() -> float:
        start = time.perf_counter()
        for _ in range(epochs):
            for _ in loader:
                pass
        return epochs * len(loader.dataset) / (time.perf_counter() - start)

    return measure


def _memory_row(quick: bool) -> dict:
    """Private memory that a further clip costs a process which reads them all, against a list of records."""
    small, large = 1_000, 10_000 if quick else 100_000
    growth: dict[tuple[str, int], int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for clips in (small, large):
            root = Path(folder) / str(clips)
            _write_narrow_store(root, clips)
            os.sync()  # mapped pages that wait to be written would count as memory of the process
            for name, job in (("store", _memory_of_store), ("list of records", _memory_of_records)):
                with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                    growth[name, clips] = pool.submit(job, str(root)).result()
    per_clip = {
        name: max(growth[name, large] - growth[name, small], 1) / (large - small)
        for name in ("store", "list of records")
    }
    ratio = per_clip["list of records"] / per_clip["store"]
    sizes = "; ".join(f"{name}, {clips:,} clips: {size / 2**20:.1f} MiB" for (name, clips), size in growth.items())
    detail = ", ".join(f"{name} {size:,.0f} bytes a clip" for name, size in per_clip.items())
    return {
        "name": "feature store: private memory a further clip",
        "ratio": round(ratio, 2),
        "bar": 10,
        "holds": ratio >= 10,
        "detail": f"{detail} ({sizes})",
    }


def _memory_of_store(root: str) -> int:
    """Bytes of private memory that a dataset over all clips takes, after every clip was read."""
    torch.set_num_threads(1)
    before = _private_bytes()
    dataset = FeatureDataset(root, split=None, seq_len=4)
    for first in range(0, len(dataset), BATCH):
        dataset.__getitems__(range(first, min(first + BATCH, len(dataset))))
    return _private_bytes() - before


def _memory_of_records(root: str) -> int:
    """Bytes of private memory that the same clips' records take as Python objects."""
    store = FeatureStore(root)
    before = _private_bytes()
    records = [store.record(row) for row in range(len(store))]
    grown = _private_bytes() - before
    return grown if records else 0


def _private_bytes() -> int:
    gc.collect()
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_Dirty")) * 1024


def _write_corpora(root: Path, *, clips: int, frames: int) -> None:
    """The same clips as stores of both number types and as trees of plain and compressed npz files."""
    rng = np.random.default_rng(0)
    writers = [
        FeatureStoreWriter(root / name, fingerprint="benchmark", visual_dim=WIDTH, audio_dim=WIDTH, dtype=dtype)
        for name, dtype in (("store", "float32"), ("half", "float16"))
    ]
    for clip in range(clips):
        label = clip % 2
        streams = {name: rng.standard_normal((frames, WIDTH), np.float32) for name in ("visual", "audio")}
        for tree, save in (("npz", np.savez), ("npz_compressed", np.savez_compressed)):
            folder = root / tree / LABEL_NAMES[label] / f"{clip:04d}"
            folder.mkdir(parents=True)
            for name, rows in streams.items():
                save(folder / f"{name}_embeddings.npz", embeddings=rows)
        for writer in writers:
            writer.add(_record(clip), streams["visual"], streams["audio"], np.arange(frames) / 25)
    for writer in writers:
        writer.pack()


def _write_narrow_store(root: Path, clips: int) -> None:
    """A store of many short and narrow clips, written at once: only its index is large."""
    frames = np.zeros(4 * clips, FRAME)
    frames["visual"] = frames["audio"] = 1
    meta = StoreMeta(fingerprint="benchmark", visual_dim=4, audio_dim=4, dtype="float32")
    meta = meta.with_pack(pack="pack-0", hash="0", clips=clips, rows=4 * clips)
    rows = (
        index_row(_record(clip), frames=frames[:4], status="ok", ledger=None, sha256="0" * 64) | {"offset": 4 * clip}
        for clip in range(clips)
    )
    folder = root / "pack-0"
    folder.mkdir(parents=True)
    with pa.OSFile(str(folder / INDEX), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA))
    for name, blob in zip(BLOBS, (frames, *[np.zeros((4 * clips, 4), np.float32)] * 2), strict=True):
        blob.tofile(folder / name)
    meta.write(root)


def _record(clip: int) -> VideoRecord:
    return VideoRecord(
        video_id=f"corpus/{LABEL_NAMES[clip % 2]}/{clip:07d}",
        path=f"/data/corpus/{LABEL_NAMES[clip % 2]}/{clip:07d}.mp4",
        corpus="corpus",
        split="train",
        label=clip % 2,
        method=LABEL_NAMES[clip % 2],
        identities=frozenset([f"id{clip // 10}"]),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    rows = run(quick=parser.parse_args().quick)
    for row in rows:
        print(
            f"{row['name']}: {row['ratio']} (bar {row['bar']}, {'holds' if row['holds'] else 'FAILS'}); {row['detail']}"
        )
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
