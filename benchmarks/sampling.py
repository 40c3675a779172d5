"""An epoch of 10^8 samples of six cells, drawn batch by batch, against ``torch.randperm`` of that size.

The plain way is the array of the whole order that a shuffling sampler holds. Ours is what a data loader is given by a
`MixSampler` whose mixer balances corpora and classes: every batch of 32 as an int64 array, none of them kept. Measured
in turns, CPU time of one thread:

- the time for all batches of an epoch over that of the permutation, and the same (without a bar) as lists of Python's
  integers, which a data set that reads one sample at a time gets;
- memory: the growth of the process over an epoch, from a fresh process whose peak is asked of the system;
- the time to the first batch after a resumption in mid-epoch, over that of the permutation.

Run: python benchmarks/sampling.py [--quick]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from _timing import cpu_seconds
from torch.utils.data import BatchSampler

from zoo.datasets.cells import CellName, Cells
from zoo.datasets.mixers.balanced import BalancedMixer
from zoo.datasets.samplers.mix import MixSampler
from zoo.engine.data import ResumableBatches

BATCH = 32
WEIGHTS = {
    ("a", "real"): 1,
    ("b", "real"): 3,
    ("c", "real"): 6,
    ("a", "fake"): 15,
    ("b", "fake"): 30,
    ("c", "fake"): 45,
}
MEGABYTE = 2**20


class Rows:
    """A dataset of ``size`` rows sorted by cell, of which no row exists."""

    def __init__(self, size: int):
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitems__(self, indices: np.ndarray) -> np.ndarray:
        return indices

    def cells(self) -> Cells:
        sizes = np.array(list(WEIGHTS.values()), np.int64) * self.size // sum(WEIGHTS.values())
        sizes[-1] += self.size - sizes.sum()
        return Cells(tuple(CellName(*name, "m") for name in WEIGHTS), np.cumsum(sizes) - sizes, sizes)


def batches_of(size: int) -> ResumableBatches:
    sampler = MixSampler(Rows(size), mixer=BalancedMixer(), seed=0, rank=0, world_size=1)
    return ResumableBatches(BatchSampler(sampler, BATCH, drop_last=False))


def exhaust(batches: ResumableBatches, *, lists: bool = False) -> None:
    deque((batch.tolist() for batch in batches) if lists else batches, maxlen=0)


def grown_by_epoch(size: int) -> float:
    """Megabytes by which the peak of this process rises above what it is before there is a sampler."""
    before = _peak()
    exhaust(batches_of(size))
    return _peak() - before


def first_after(size: int, batch: int) -> None:
    batches = batches_of(size)
    batches.skip = batch
    next(iter(batches))


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    size = 4_000_000 if quick else 10**8
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        grown = pool.submit(grown_by_epoch, size).result()
    ways = {
        "permutation": lambda: torch.randperm(size),
        "arrays": lambda: exhaust(batches_of(size)),
        "lists": lambda: exhaust(batches_of(size), lists=True),
        "resumption": lambda: first_after(size, size // BATCH * 2 // 3),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            taken[name].append(cpu_seconds(way))
    seconds = {name: sorted(values)[1] for name, values in taken.items()}
    plain = seconds["permutation"]
    each = {name: f"{value / size * 1e9:.1f} ns" for name, value in seconds.items()}
    half, hundredth = (None, None) if quick else (0.5, 0.01)  # bars for 10^8
    arrays = f"{each['arrays']} a sample, torch.randperm {each['permutation']}; {size:,} samples, median of 3"
    first = f"{seconds['resumption'] * 1e3:.1f} ms to the first batch from two thirds on"
    return [
        _row("sampling an epoch, arrays", seconds["arrays"] / plain, half, arrays),
        _row("sampling an epoch, Python's integers", seconds["lists"] / plain, None, f"{each['lists']} a sample"),
        _row("sampling, growth of memory in MB over 50", grown / 50, 1.0, f"{grown:.1f} MB over an epoch"),
        _row("sampling, first batch of a resumption", seconds["resumption"] / plain, hundredth, first),
    ]


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MEGABYTE if sys.platform == "darwin" else peak * 1024 / MEGABYTE


def _row(name: str, ratio: float, bar: float | None, detail: str) -> dict:
    holds = bar is None or ratio <= bar
    return {"name": name, "ratio": round(ratio, 4), "bar": bar, "holds": holds, "detail": detail}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 million samples")
    for row in run(parser.parse_args().quick):
        verdict = "holds" if row["holds"] else "MISSED"
        print(f"{row['name']}: {row['ratio']:.4f} (bar {row['bar']}, {verdict}); {row['detail']}")
