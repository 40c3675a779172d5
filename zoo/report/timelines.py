"""The report's score timelines: how the score runs along a few videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zoo.metrics.table import TIMELINE, by_video, in_order, scored
from zoo.plugins.specs import Section
from zoo.report.figures import FAKE, INK, REAL, draw
from zoo.report.render import rate, render
from zoo.report.run import Run
from zoo.structures import LABEL_NAMES


@dataclass(frozen=True, slots=True)
class Timeline:
    """Scores along a video: ``times`` [n] in ``unit`` (``s`` or ``frame``), ``scores`` [n], NaN where there is none."""

    times: NDArray[np.float64]
    scores: NDArray[np.float64]
    unit: str


def timelines_section(run: Run) -> Iterator[Section]:
    """For each class the videos with the lowest, the median and the highest score."""
    if run.predictions is None:
        return
    samples = scored(in_order(run.predictions))
    clips = []
    for video in chosen(by_video(samples, how=run.aggregate)):
        line = timeline(_samples_of(samples, video))
        if line is not None:
            clips.append((video, LABEL_NAMES[video["label"]], _draw(video, line, run)))
    if clips:
        yield Section("Score timelines", render("timelines.html", clips=clips, threshold=run.threshold), order=50)


def chosen(videos: pa.Table) -> list[dict[str, Any]]:
    """Of each class the videos with the lowest, the median and the highest score, each once."""
    picked = []
    for label in (1, 0):
        mine = videos.filter(pc.equal(videos["label"], label)).sort_by(
            [("score", "ascending"), ("video_id", "ascending")]
        )
        if len(mine):
            picked += mine.take(sorted({0, len(mine) // 2, len(mine) - 1})).to_pylist()
    return picked


def timeline(samples: Sequence[Mapping[str, Any]]) -> Timeline | None:
    """Scores along the ``samples`` of one video: those of their frames, or their own over the time they cover.

    None where there are neither frame scores nor times.
    """
    timed = all(row["start_s"] is not None and row["end_s"] is not None for row in samples)
    if not timed and (len(samples) > 1 or samples[0].get(TIMELINE.name) is None):
        return None
    times, scores = [], []
    for row in sorted(samples, key=lambda row: row["start_s"] or 0.0):
        frames = row.get(TIMELINE.name) or [row["score"]] * 2
        if not timed:
            places = np.arange(len(frames), dtype=float)
        elif row.get(TIMELINE.name):
            places = row["start_s"] + (np.arange(len(frames)) + 0.5) * (row["end_s"] - row["start_s"]) / len(frames)
        else:
            places = np.array([row["start_s"], row["end_s"]])
        times += [*places, np.nan]  # a gap between samples
        scores += [*frames, np.nan]
    return Timeline(np.array(times[:-1]), np.array(scores[:-1], dtype=float), "s" if timed else "frame")


def _samples_of(samples: pa.Table, video: Mapping[str, Any]) -> list[dict[str, Any]]:
    same = [pc.equal(samples[key], video[key]) for key in ("corpus", "method", "video_id")]
    return samples.filter(pc.and_(pc.and_(same[0], same[1]), same[2])).to_pylist()


def _draw(video: Mapping[str, Any], line: Timeline, run: Run) -> Markup:
    color = FAKE if video["label"] else REAL

    def paint(axes: Axes) -> None:
        axes.axhline(run.threshold, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        above = np.maximum(line.scores, run.threshold)
        axes.fill_between(line.times, above, run.threshold, color=FAKE, alpha=0.18, linewidth=0)
        axes.plot(line.times, line.scores, color=color, linewidth=1.4)
        axes.set_ylim(-0.02, 1.02)
        axes.set_yticks([0, 0.5, 1])
        axes.set_xlabel("time (s)" if line.unit == "s" else "frame")

    known = line.scores[np.isfinite(line.scores)]
    spread = f", between {known.min():.2f} and {known.max():.2f}" if len(known) else ""
    return draw(paint, label=f"Score along {video['video_id']}: {rate(video['score'])} over all{spread}", height=1.7)
