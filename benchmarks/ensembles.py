"""20 members' predictions of 10^6 videos to one calibrated, scored prediction each, in a process of its own.

Each member is a Parquet file of predictions that lacks 5% of the videos at random, every fifth one in another order,
and a file of a tenth as many validation videos. A process that has only imported what it needs

- reads and joins both sets of files;
- fits a `StackingCombiner` (cross-validated), a `PlattCalibrator` and a `ConformalAbstention` to the validation part;
- combines, calibrates and decides all videos;
- computes the ranking's figures, macro-F1, ECE and Brier score of the result, and the AUC of every member.

Rows: seconds over 30, peak memory in GB over 4 (all of the process), and the time with the tables in memory already.
Seconds are those on the clock, or of CPU by all threads where these are fewer: on a machine that has other things to
do the clock tells of these too, and where nothing else runs it shows no more than the CPU seconds.

Run: python benchmarks/ensembles.py [--quick]
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _rows import at_most, run_alone

MEMBERS = 20
VIDEOS = 1_000_000
SECONDS, GIGABYTES = 30, 4


def write_members(folder: Path, *, videos: int, seed: int) -> list[Path]:
    """Predictions files of all members for ``videos`` videos, half of them fake."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, videos)
    numbers = pa.array(np.arange(videos)).cast(pa.string())
    ids = pa.compute.binary_join_element_wise(f"corpus/method/{seed}", numbers, "_")
    common = random.normal(size=videos)  # what all members err in alike
    files = []
    for member in range(MEMBERS):
        noise = 0.7 * common + random.normal(size=videos)
        scores = 1 / (1 + np.exp(-(noise + (0.5 + member / MEMBERS) * (labels - 0.5))))
        rows = np.flatnonzero(random.random(videos) < 0.95)
        if member % 5 == 0:
            rows = random.permutation(rows)
        columns = {
            "sample_id": ids,
            "video_id": ids,
            "corpus": pa.repeat("corpus", videos),
            "method": pa.array(np.where(labels, "swap", "real")),
            "label": labels.astype(np.int8),
            "score": scores,
            "status": pa.repeat("ok", videos),
        }
        files.append(folder / f"member{member}_{seed}.parquet")
        pq.write_table(pa.table(columns).take(pa.array(rows)), files[-1])
    return files


def measure(files: list[Path], validation: list[Path], in_memory: bool) -> dict[str, float]:
    """CPU and wall seconds and peak gigabytes of this process, and the figures that it came to."""
    import sklearn.linear_model
    import sklearn.model_selection  # noqa: F401  (importing is not what is measured)

    from zoo.ensembles.abstention import ConformalAbstention
    from zoo.ensembles.calibrators.platt import PlattCalibrator
    from zoo.ensembles.combiners.stacking import StackingCombiner
    from zoo.ensembles.ensemble import Ensemble
    from zoo.ensembles.files import PredictionFiles
    from zoo.ensembles.joining import join
    from zoo.metrics.calibration import brier, expected_calibration_error
    from zoo.metrics.ranking import auc, rank
    from zoo.metrics.thresholded import confusion_matrix, macro_f1

    names = [f"member{index}" for index in range(MEMBERS)]
    tables: list = [PredictionFiles(paths, names=names) for paths in (files, validation)]
    if in_memory:
        tables = [dict(table) for table in tables]
    cpu, wall = time.process_time(), time.perf_counter()
    ensemble = Ensemble(names, StackingCombiner(), PlattCalibrator(), ConformalAbstention())
    ensemble.fit(join(tables[1]))
    fitted = time.process_time() - cpu
    joined = join(tables[0])
    ready = time.process_time() - cpu - fitted
    predictions = ensemble.predict(joined)
    labels = joined.labels
    some = predictions["status"].combine_chunks().to_numpy(zero_copy_only=False) == "ok"
    scores, truth = predictions["score"].to_numpy()[some], labels[some]
    ranking = rank(scores, truth)
    figures = {"auc": ranking.auc(), "ap": ranking.average_precision(), "eer": ranking.eer()}
    figures["macro_f1"] = macro_f1(confusion_matrix(scores, truth))
    figures["ece"] = expected_calibration_error(scores, truth)
    figures["brier"] = brier(scores, truth)
    figures["best_member"] = max(
        auc(column[has], labels[has]) for column in joined.scores.T for has in [~np.isnan(column)]
    )
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    return {"cpu": cpu, "wall": wall, "fit": fitted, "join": ready, "peak": peak, "videos": len(joined), **figures}


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    videos = VIDEOS // 20 if quick else VIDEOS
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        files = write_members(Path(folder), videos=videos, seed=0)
        validation = write_members(Path(folder), videos=videos // 10, seed=1)
        for name, in_memory in (("from files", False), ("from tables", True)):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                found[name] = pool.submit(measure, files, validation, in_memory).result()
    rows = [
        _row(f"ensemble of 20 x 10^6 {name}, seconds over {SECONDS}", min(one["cpu"], one["wall"]) / SECONDS, one)
        for name, one in found.items()
    ]
    one = found["from files"]
    rows.append(_row(f"ensemble of 20 x 10^6 from files, peak GB over {GIGABYTES}", one["peak"] / GIGABYTES, one))
    return rows


def _row(name: str, ratio: float, one: dict[str, float]) -> dict:
    detail = (
        f"{one['cpu']:.1f} s CPU, {one['wall']:.1f} s wall (fit {one['fit']:.1f}, join {one['join']:.1f}), "
        f"peak {one['peak']:.2f} GB; {one['videos']:,} videos, AUC {one['auc']:.4f} (best member "
        f"{one['best_member']:.4f}), ECE {one['ece']:.4f}"
    )
    return at_most(name, ratio, 1.0, detail, digits=3)


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
