"""All figures of 10^6 predictions with 1,000 replicates: time, memory and growth, and replicates against resampling.

The predictions are 20 frames of each of 50,000 videos, four methods, with ties. An evaluation is everything that `zoo
evaluate` does after reading: figures at both levels, of every method, with intervals of eleven figures each. Measured
in a fresh process at 10^4, 10^5 and 10^6 rows: seconds on the clock, or of CPU by all threads where these are fewer (on
a machine that has other things to do the clock tells of these too), the growth of CPU seconds, and the peak of memory.
The plain way is to draw clusters with replacement and to compute the AUC anew by
scikit-learn; ours is a replicate of eleven figures.

Run: python benchmarks/evaluation.py [--quick]
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow as pa
from _rows import at_least, at_most, run_alone
from _timing import cpu_seconds
from sklearn.metrics import roc_auc_score

from zoo.metrics.evaluation import evaluate
from zoo.metrics.resampling import replicates_of, slice_of
from zoo.metrics.table import SCHEMA

FRAMES = 20
METHODS = np.array(["real", "a", "b", "c", "d"])
SIZES = (10_000, 100_000, 1_000_000)
SECONDS, GIGABYTES, GROWTH, SPEEDUP = 60, 4, 15, 5


def predictions(size: int) -> pa.Table:
    rng = np.random.default_rng(0)
    video = np.arange(size) // FRAMES
    method = video % len(METHODS)
    label = (method > 0).astype(np.int8)
    score = 1 / (1 + np.exp(-(rng.normal(0, 1, video[-1] + 1)[video] + rng.normal(label, 0.7))))
    ids = [f"{METHODS[kind]}/{number:07d}" for number, kind in enumerate(np.arange(video[-1] + 1) % len(METHODS))]
    return pa.table(
        {
            "sample_id": [f"{ids[number]}@{row % FRAMES:04d}" for row, number in enumerate(video)],
            "video_id": [ids[number] for number in video],
            "corpus": ["bench"] * size,
            "method": METHODS[method],
            "label": label,
            "score": np.round(score, 5),
            "start_s": [None] * size,
            "end_s": [None] * size,
            "status": ["ok"] * size,
        },
        schema=SCHEMA,
    )


def evaluation(size: int, replicates: int) -> tuple[float, float, float]:
    """CPU seconds, wall-clock seconds and the process's peak of memory in GB."""
    table = predictions(size)
    start = time.perf_counter()
    taken = cpu_seconds(lambda: evaluate(table, replicates=replicates))
    wall = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return taken, wall, peak / 1e9


def replicate_and_plain(size: int) -> tuple[float, float]:
    """CPU seconds of one replicate of eleven figures, and of one AUC of a sample drawn with replacement."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, size)
    scores = 1 / (1 + np.exp(-rng.normal(labels)))
    part = slice_of(scores, labels, np.arange(size))
    replicates_of([part], clusters=size, replicates=2, seed=0, threads=1)
    ours = cpu_seconds(lambda: replicates_of([part], clusters=size, replicates=10, seed=0, threads=1)) / 10

    def plain() -> None:
        rows = rng.integers(0, size, size)
        roc_auc_score(labels[rows], scores[rows])

    return ours, cpu_seconds(plain)


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    sizes, replicates = (SIZES[:2], 100) if quick else (SIZES, 1000)
    found = {}
    for size in sizes:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found[size] = pool.submit(evaluation, size, replicates).result()
    ours, plain = replicate_and_plain(sizes[-1])
    cpu, wall, peak = found[sizes[-1]]
    told = f"{sizes[-1]:,} rows, {replicates:,} replicates"
    growth = cpu / found[sizes[-2]][0]
    each = ", ".join(f"{size:,}: {seconds:.1f} s" for size, (seconds, *_) in found.items())
    return [
        at_most(
            "evaluation, seconds", min(cpu, wall), SECONDS, f"{told}; {wall:.1f} s on the clock, {cpu:.1f} s of CPU"
        ),
        at_most("evaluation, peak of memory in GB", peak, GIGABYTES, told),
        at_most("evaluation, growth for ten times the rows", growth, GROWTH, each),
        at_least(
            "evaluation, a replicate against resampling",
            plain / ours,
            SPEEDUP,
            f"eleven figures in {ours * 1e3:.1f} ms, one AUC of drawn rows in {plain * 1e3:.1f} ms",
            digits=1,
        ),
    ]


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
