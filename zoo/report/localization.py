"""The report's section on localization: where in time fakes were found, computed again from the saved segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup
from matplotlib.axes import Axes

from zoo.metrics.localization import AP_AT, AR_AT, GRID, MODES, best_overlaps
from zoo.metrics.localization_summary import BEST_OF, FOUND_AT, summarize_localization
from zoo.metrics.overlaps import Spans
from zoo.metrics.segment_table import PROPOSAL, TRUTH, UNKNOWN
from zoo.metrics.table import by_video, in_order, scored
from zoo.plugins.specs import Section
from zoo.report.figures import ACCENT, FAKE, INK, MUTED, REAL, draw
from zoo.report.render import rate, render
from zoo.report.run import Run
from zoo.report.timelines import Timeline, samples_of, timeline

_SHOWN: Final = 20  # best proposals that a timeline shows
_LEAST: Final = 0.1  # score of proposals that a timeline shows


def localization_section(run: Run) -> Iterator[Section]:
    """AP and recall in both modes and by modality, AP over tIoU, truths by length, and a few timelines."""
    if run.segments is None:
        return
    summary = summarize_localization(run.segments)
    figures = summary["corrected"]["all"]
    curve = None
    if figures["truths"]:
        label = f"Average precision by tIoU, {rate(figures['mean_ap'])} on average"
        curve = draw(_curve(summary), label=label, height=2.9)
    yield Section(
        "Localization",
        render(
            "localization.html",
            summary=summary,
            columns=[(mode, name) for mode in MODES for name in summary[mode]],
            ap_at=[f"{threshold:.2f}" for threshold in AP_AT],
            ar_at=[str(n) for n in AR_AT],
            found_at=[f"{threshold:.2f}" for threshold in FOUND_AT],
            best_of=BEST_OF,
            frames=run.results.get("localization", {}).get("frames"),
            curve=curve,
            clips=list(_clips(run, run.segments)),
            threshold=run.threshold,
        ),
        order=45,
    )


def chosen_videos(segments: pa.Table, *, count: int = 3) -> list[tuple[str, str, str]]:
    """Corpus, video and what it is an example of: the fakes found best, median and worst, and of the genuine the worst.

    A fake is found as well as its true segments are on average overlapped by the video's best proposals; the worst of
    the genuine has the proposal with the highest score.

    Args:
        segments: as ``zoo.metrics.segment_table.check_segments`` gives them.
        count: how many fakes.
    """
    fakes: list[tuple[float, str, str]] = []
    genuine: list[tuple[float, str, str]] = []
    for corpus, video_id, rows in _videos(segments):
        roles = {role: [row for row in rows if row["role"] == role] for role in (TRUTH, PROPOSAL, UNKNOWN)}
        best = max((row["score"] for row in roles[PROPOSAL]), default=0.0)
        if roles[TRUTH]:
            fakes.append((_overlap(roles[TRUTH], roles[PROPOSAL]), corpus, video_id))
        elif not roles[UNKNOWN]:
            genuine.append((best, corpus, video_id))
    fakes.sort(reverse=True)
    places = sorted({round(place) for place in np.linspace(0, len(fakes) - 1, count)}) if fakes else []
    picked = [(*fakes[place][1:], f"fake, tIoU {fakes[place][0]:.2f}") for place in places]
    if genuine:
        score, corpus, video_id = max(genuine)
        picked.append((corpus, video_id, f"genuine, highest proposal {score:.2f}"))
    return picked


def _videos(segments: pa.Table) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """The rows of each video; the table is in order of corpus and video."""
    names = [segments[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in ("corpus", "video_id")]
    changed = np.any([np.diff(codes, prepend=-1) != 0 for codes in names], axis=0)
    for start, stop in pairwise([*np.flatnonzero(changed).tolist(), len(segments)]):
        rows = segments.slice(start, stop - start).to_pylist()
        yield rows[0]["corpus"], rows[0]["video_id"], rows


def _overlap(truths: Sequence[Mapping[str, Any]], proposals: Sequence[Mapping[str, Any]]) -> float:
    """The mean over ``truths`` of the largest tIoU with one of as many best proposals."""
    true, proposed = (
        Spans.of(np.zeros(len(rows)), *([row[name] for row in rows] for name in ("start_s", "end_s", "score")))
        for rows in (truths, proposals)
    )
    return float(np.mean(best_overlaps(proposed, true, best_of=len(truths))))


def _curve(summary: Mapping[str, Any]) -> Callable[[Axes], None]:
    def paint(axes: Axes) -> None:
        colors = {"all": ACCENT, "video": REAL, "audio": FAKE}
        for mode, style in zip(MODES, ("-", "--"), strict=True):
            for name, figures in summary[mode].items():
                if figures["truths"] and (name == "all" or mode == MODES[0]):
                    label = mode if name == "all" else name
                    values = [figures["ap"][f"{threshold:.2f}"] for threshold in GRID]
                    color = MUTED if mode != MODES[0] else colors[name]
                    axes.plot(GRID, values, style, color=color, label=label, marker="o", markersize=3)
        axes.set_xlim(0.48, 0.97)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("temporal intersection over union asked for")
        axes.set_ylabel("average precision")
        axes.legend(loc="lower left")

    return paint


def _clips(run: Run, segments: pa.Table) -> Iterator[tuple[str, str, str, Markup]]:
    samples = None if run.predictions is None else scored(in_order(run.predictions))
    videos = None if samples is None else by_video(samples)
    for corpus, video_id, what in chosen_videos(segments):
        mine = segments.filter(
            pc.and_(pc.equal(segments["corpus"], corpus), pc.equal(segments["video_id"], video_id))
        ).to_pylist()
        line = None if samples is None or videos is None else _line(samples, videos, corpus, video_id)
        kind = "fake" if what.startswith("fake") else "real"
        yield kind, what, video_id, _draw(mine, line, video_id)


def _line(samples: pa.Table, videos: pa.Table, corpus: str, video_id: str) -> Timeline | None:
    same = pc.and_(pc.equal(videos["corpus"], corpus), pc.equal(videos["video_id"], video_id))
    found = videos.filter(same).to_pylist()
    line = timeline(samples_of(samples, found[0])) if found else None
    return line if line is not None and line.unit == "s" else None


def _draw(rows: Sequence[Mapping[str, Any]], line: Timeline | None, video_id: str) -> Markup:
    truths = [row for row in rows if row["role"] == TRUTH]
    proposals = [row for row in rows if row["role"] == PROPOSAL and row["score"] >= _LEAST]
    proposals = sorted(proposals, key=lambda row: -row["score"])[:_SHOWN]

    def paint(axes: Axes) -> None:
        for row in truths:
            axes.axvspan(row["start_s"], row["end_s"], color=FAKE, alpha=0.16, linewidth=0)
            axes.plot([row["start_s"], row["end_s"]], [-0.12, -0.12], color=FAKE, linewidth=5, solid_capstyle="butt")
        for row in proposals:
            axes.plot([row["start_s"], row["end_s"]], [row["score"]] * 2, color=ACCENT, linewidth=3)
        if line is not None:
            axes.plot(line.times, line.scores, color=INK, linewidth=0.9)
        axes.set_ylim(-0.22, 1.05)
        axes.set_yticks([0, 0.5, 1])
        axes.set_xlabel("time (s)")

    told = "; ".join(f"{row['start_s']:.2f} to {row['end_s']:.2f} s" for row in truths) or "nothing"
    best = "; ".join(f"{row['start_s']:.2f} to {row['end_s']:.2f} s, {row['score']:.2f}" for row in proposals[:3])
    return draw(paint, label=f"{video_id}: fake is {told}; best proposals: {best or 'none'}", height=1.9)
