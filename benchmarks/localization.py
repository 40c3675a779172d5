"""Figures of temporal localization for many proposals: time and peak memory, and the plain way beside it.

- Synthetic videos with up to three true segments and 100 proposals each, part of them near a truth. Average precision
  and recall of both modes, in a process of its own: wall-clock seconds and peak memory.
- The same figures reckoned one proposal after another, on some of the videos: CPU seconds of both ways.

Run: python benchmarks/localization.py [--quick]
"""

from __future__ import annotations

import resource
import sys
import time
from bisect import insort
from multiprocessing import get_context

import numpy as np
from _rows import at_least, run_alone
from _timing import medians

from zoo.metrics.localization import GRID, MODES, Mode, localization
from zoo.metrics.overlaps import Spans

PER_VIDEO = 100
LIMIT_S, LIMIT_GB = 60.0, 4.0  # for 10^5 videos
PLAIN_VIDEOS = 200
BAR, QUICK_BAR = 10.0, 5.0


def synthetic(videos: int) -> tuple[Spans, Spans]:
    """Proposals and truths of ``videos``; the same at every call."""
    draw = np.random.default_rng(0)
    counts = draw.integers(0, 4, videos)
    video = np.repeat(np.arange(videos), counts)
    start = 4.0 * (np.arange(len(video)) - np.repeat(np.cumsum(counts) - counts, counts)) + draw.random(len(video)) * 2
    length = draw.uniform(0.3, 1.6, len(video))
    truths = Spans.of(video, start, start + length)
    owner = np.repeat(np.arange(videos), PER_VIDEO)
    near = (draw.random(len(owner)) < 0.5) & (counts[owner] > 0)
    chosen = (np.cumsum(counts) - counts)[owner] + draw.integers(0, 1 << 30, len(owner)) % np.maximum(counts[owner], 1)
    chosen = np.minimum(chosen, len(video) - 1)
    begin = np.where(near, start[chosen] + draw.normal(0, 0.1, len(owner)), draw.uniform(0, 12, len(owner)))
    lasts = np.where(near, length[chosen] * draw.uniform(0.8, 1.2, len(owner)), draw.uniform(0.2, 2, len(owner)))
    score = np.round(draw.beta(1 + 2 * near, 3), 4)
    return Spans.of(owner, begin, begin + lasts, score), truths


def measure(videos: int, mode: Mode) -> tuple[float, float, float, float]:
    """Seconds of all figures by the clock and of the CPU, GB at the peak, and the mean average precision."""
    proposals, truths = synthetic(videos)
    begun, cpu = time.perf_counter(), time.process_time()
    found = localization(proposals, truths, mode=mode)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, found.mean_ap


def plain_mean_ap(proposals: Spans, truths: Spans) -> float:
    """The mean average precision as a loop over proposals, best first."""
    true: dict[int, list[tuple[float, float]]] = {}
    for video, start, end in zip(truths.video.tolist(), truths.start_s.tolist(), truths.end_s.tolist(), strict=True):
        true.setdefault(video, []).append((start, end))
    rows: list[tuple[float, int, float, float]] = []
    columns = (proposals.score, proposals.video, proposals.start_s, proposals.end_s)
    for score, *row in zip(*(column.tolist() for column in columns), strict=True):
        insort(rows, (-score, *row))
    areas = []
    for threshold in GRID:
        free = {video: list(spans) for video, spans in true.items()}
        hits = area = 0.0
        for place, (_, video, start, end) in enumerate(rows, 1):
            overlaps = [
                (max(0.0, min(end, b) - max(start, a)) / (max(end, b) - min(start, a)), (a, b))
                for a, b in free.get(video, [])
            ]
            if overlaps and max(overlaps)[0] >= threshold:
                free[video].remove(max(overlaps)[1])
                hits += 1
                area += hits / place / len(truths)
        areas.append(area)
    return float(np.mean(areas))


def run(*, quick: bool = False) -> list[dict]:
    videos = 10**4 if quick else 10**5
    rows = []
    for mode in MODES:
        with get_context("spawn").Pool(1) as pool:
            seconds, cpu, peak, mean_ap = pool.apply(measure, (videos, mode))
        limit = LIMIT_S * videos / 10**5
        detail = f"{seconds:.1f} s ({cpu:.1f} s of CPU), peak {peak:.2f} GB with the data, mAP {mean_ap:.3f}"
        row = at_least(f"{mode} localization, {videos:,} videos, against {limit:g} s", limit / seconds, 1.0, detail)
        rows.append(row | {"holds": row["holds"] and peak <= LIMIT_GB})
    few = synthetic(PLAIN_VIDEOS)
    taken = medians({"ours": lambda: localization(*few), "plain": lambda: plain_mean_ap(*few)}, 1 if quick else 3)
    detail = f"{taken['ours']:.3f} s against {taken['plain']:.2f} s; ours gives the recalls as well"
    name = f"localization of {PLAIN_VIDEOS} videos against a loop"
    return [*rows, at_least(name, taken["plain"] / taken["ours"], QUICK_BAR if quick else BAR, detail)]


if __name__ == "__main__":
    sys.exit(run_alone(lambda quick: run(quick=quick), __doc__))
