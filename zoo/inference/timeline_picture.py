"""A picture of one video's timeline: faces, frame scores, sound, what is proposed and what is true."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from zoo.errors import DataError
from zoo.features.long_video import ENVELOPE_S
from zoo.files import atomic_write, read_npz
from zoo.structures import Segment

_INK, _MUTED, _LINE = "#1c2430", "#5c6675", "#cfd6df"
_FAKE, _TRUTH, _SCORE, _SOUND = "#c2410c", "#0f766e", "#1d4ed8", "#7c8aa0"
_STYLE: Final[dict[Any, Any]] = {
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.frameon": False,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
}
_POINTS: Final = 2000  # that a curve has at most
_LISTED: Final = 60  # segments that are marked with their score


def draw_timeline(
    path: str | os.PathLike,
    timeline: str | os.PathLike,
    *,
    title: str,
    segments: Sequence[Segment],
    threshold: float,
    truth: Sequence[Segment] | None = None,
) -> None:
    """Draw a timeline to ``path`` as PNG.

    Args:
        path: of the picture.
        timeline: what `zoo.inference.localizing.LocalizeJob` saved of the video.
        title: shown above.
        segments: to mark.
        threshold: from which segments were taken.
        truth: true segments; empty where the video is genuine, None where nothing is known.

    Raises:
        DataError: ``timeline`` cannot be read.
        WorkDirError: the picture cannot be written.
    """
    if not Path(timeline).is_file():
        raise DataError(
            "What the picture needs is gone.", where=timeline, next_step="Delete the .run folder and localize again."
        )
    times, scores, envelope, faces, face_times = (
        read_npz(timeline, name) for name in ("times", "scores", "envelope", "faces", "face_times")
    )
    end = float(times[-1]) if len(times) else 0.0
    rows = {
        "faces": 0.9 if len(faces) else 0.0,
        "scores": 1.5,
        "sound": 0.9,
        "segments": 0.35 if truth is None else 0.55,
    }
    shown = {name: height for name, height in rows.items() if height}
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 1.0 + sum(shown.values()) * 1.15), dpi=110)
        FigureCanvasAgg(figure)
        axes = dict(zip(shown, figure.subplots(len(shown), 1, height_ratios=list(shown.values())), strict=True))
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        if "faces" in axes:
            _faces(axes["faces"], faces, face_times, end)
        _scores(axes["scores"], times, scores, threshold)
        _sound(axes["sound"], envelope.astype(np.float32))
        _segments(axes["segments"], segments, truth)
        for name, one in axes.items():
            if name != "faces":
                one.set_xlim(0, max(end, 1e-3))
                for segment in segments if name in ("scores", "sound") else ():
                    one.axvspan(segment.start_s, segment.end_s, color=_FAKE, alpha=0.13, linewidth=0)
            one.tick_params(labelbottom=name == "segments", length=2 if name != "faces" else 0)
        axes["segments"].xaxis.set_major_formatter(FuncFormatter(_clock if end >= 120 else _seconds))
        axes["segments"].set_xlabel("time (minutes:seconds)" if end >= 120 else "time (s)")
        with atomic_write(path) as file:
            figure.savefig(file, format="png")


def binned_peaks(times: np.ndarray, values: np.ndarray, *, most: int = _POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most ``most`` points of a curve: of each run of neighbours the largest value; NaN where all of it is NaN."""
    if len(times) <= most:
        return times, values
    groups = np.array_split(np.arange(len(times)), most)
    filled = np.where(np.isnan(values), -np.inf, values)
    peaks = np.array([filled[group].max() for group in groups])
    return np.array([times[group[0]] for group in groups]), np.where(np.isinf(peaks), np.nan, peaks)


def _faces(axes: Axes, faces: np.ndarray, face_times: np.ndarray, end: float) -> None:
    strip = np.full((faces.shape[1], len(faces) * (faces.shape[2] + 6), 3), 255, np.uint8)
    for place, face in enumerate(faces):
        strip[:, place * (face.shape[1] + 6) :][:, : face.shape[1]] = face
    axes.imshow(strip, aspect="equal", interpolation="none")
    axes.set_anchor("W")
    axes.set_axis_off()
    for place, time in enumerate(face_times):
        text = _clock(float(time), 0) if end >= 120 else f"{time:.1f} s"
        axes.text(place * (faces.shape[2] + 6) + 2, faces.shape[1] + 2, text, va="top", fontsize=7, color=_MUTED)


def _scores(axes: Axes, times: np.ndarray, scores: np.ndarray, threshold: float) -> None:
    axes.axhline(threshold, color=_MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(*binned_peaks(times, scores), color=_SCORE, linewidth=1.2)
    missing = np.isnan(scores)
    if missing.any():
        axes.fill_between(
            times, 0, 1, where=missing, step="post", color=_LINE, alpha=0.7, linewidth=0, label="cannot be judged"
        )
        axes.legend(loc="upper right", fontsize=8)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("frame score")


def _sound(axes: Axes, envelope: np.ndarray) -> None:
    axes.set_ylabel("sound")
    axes.set_yticks([])
    if not len(envelope) or not envelope.any():
        axes.text(0.5, 0.5, "no sound", transform=axes.transAxes, ha="center", va="center", color=_MUTED)
        return
    times, peaks = binned_peaks(np.arange(len(envelope)) * ENVELOPE_S, envelope / envelope.max())
    axes.fill_between(times, -peaks, peaks, color=_SOUND, linewidth=0)
    axes.set_ylim(-1.05, 1.05)


def _segments(axes: Axes, segments: Sequence[Segment], truth: Sequence[Segment] | None) -> None:
    rows = [("found", segments, _FAKE)] + ([] if truth is None else [("true", truth, _TRUTH)])
    for place, (_, mine, color) in enumerate(rows):
        for one in mine:
            axes.barh(-place, one.end_s - one.start_s, left=one.start_s, height=0.7, color=color, alpha=0.8)
            if mine is segments and len(mine) <= _LISTED:
                told = f"{one.score:.2f}" + (f" {one.modality}" if one.modality else "")
                axes.text(one.start_s, 0.42, told, fontsize=7, va="bottom", color=_FAKE)
        if not mine:
            axes.text(0.01, -place, "none", transform=axes.get_yaxis_transform(), va="center", color=_MUTED)
    axes.set_yticks([-place for place in range(len(rows))], [name for name, *_ in rows])
    axes.set_ylim(-len(rows) + 0.5, 0.95)


def _clock(seconds: float, _: int) -> str:
    whole = round(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02d}:{whole % 60:02d}"


def _seconds(seconds: float, _: int) -> str:
    return f"{seconds:g}"
