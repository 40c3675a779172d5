"""All figures of localization out of a table of segments, by modality and by length, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.metrics.localization import (
    AP_AT,
    AR_AT,
    MODES,
    FrameFigures,
    Localization,
    Mode,
    best_overlaps,
    localization,
)
from zoo.metrics.overlaps import Spans
from zoo.metrics.segment_table import MODALITIES, TRUTH, UNKNOWN, check_segments, spans_of

LENGTHS_S: Final = (0.0, 0.5, 1.0, 2.0, math.inf)
"""Bounds of the classes of length, in seconds; each class begins with its lower bound."""
FOUND_AT: Final = (0.5, 0.75, 0.9)
BEST_OF: Final = 50
"""How many proposals a video are looked at for the figures by length."""


def summarize_localization(table: pa.Table, *, frames: FrameFigures | None = None) -> dict[str, Any]:
    """Figures of a table with the columns of ``zoo.metrics.segment_table.SCHEMA``; the order of rows does not matter.

    Args:
        table: the segments.
        frames: figures of single frames, if there are any.

    Returns:
        For both modes, ``corrected`` and ``reference``: ``all``, and ``video`` and ``audio`` where truths name them,
        each with ``ap`` (by tIoU threshold), ``mean_ap``, ``ar`` (by number of proposals) and counts of ``proposals``
        and ``truths``. Beside them ``lengths``: for classes of true segments by length how many there are and the
        share that one of the 50 best proposals of the video overlaps by at least 0.5, 0.75 and 0.9; ``frames``; and
        ``videos_without_truth``, which enter no figure. NaN never occurs: what is undefined is None.
    """
    table = check_segments(table)
    named = set(pc.unique(table.filter(pc.equal(table["role"], TRUTH))["modality"]).to_pylist())
    parts = {"all": spans_of(table), **{name: spans_of(table, modality=name) for name in MODALITIES if name in named}}
    figures: dict[str, Any] = {
        mode: {name: plain_figures(localization(*spans, mode=mode)) for name, spans in parts.items()} for mode in MODES
    }
    unknown = table.filter(pc.equal(table["role"], UNKNOWN)).select(["corpus", "video_id"])
    return {
        **figures,
        "lengths": by_length(*parts["all"]),
        "frames": None if frames is None else {name: _known(getattr(frames, name)) for name in frames.__slots__},
        "videos_without_truth": len(unknown.group_by(["corpus", "video_id"]).aggregate([])),
    }


def plain_figures(found: Localization) -> dict[str, Any]:
    """``found`` as plain values whose keys are text."""
    return {
        "ap": {f"{threshold:.2f}": _known(value) for threshold, value in found.ap.items()},
        "mean_ap": _known(found.mean_ap),
        "ar": {str(n): _known(value) for n, value in found.ar.items()},
        "proposals": found.proposals,
        "truths": found.truths,
    }


def by_length(proposals: Spans, truths: Spans) -> list[dict[str, Any]]:
    """How the truths of each class of `LENGTHS_S` that occurs are found, in order of length."""
    best = best_overlaps(proposals, truths, best_of=BEST_OF)
    lengths = truths.end_s - truths.start_s
    rows = []
    for low, high in pairwise(LENGTHS_S):
        mine = best[(lengths >= low) & (lengths < high)]
        if len(mine):
            found = {f"{threshold:.2f}": float(np.mean(mine >= threshold - 1e-9)) for threshold in FOUND_AT}
            until = None if math.isinf(high) else high
            rows.append({"from_s": low, "to_s": until, "truths": len(mine), "found": found})
    return rows


def scalars_of_localization(summary: Mapping[str, Any], mode: Mode) -> dict[str, float]:
    """``{"ap@0.5": ..., "map": ..., "ar@100": ..., "audio_map": ..., "frame_auc": ...}``; NaN where undefined."""
    scalars = {}
    for name, figures in summary[mode].items():
        prefix = "" if name == "all" else f"{name}_"
        scalars[f"{prefix}map"] = figures["mean_ap"]
        scalars |= {f"{prefix}ap@{threshold:g}": figures["ap"][f"{threshold:.2f}"] for threshold in AP_AT}
        scalars |= {f"{prefix}ar@{n}": figures["ar"][str(n)] for n in AR_AT}
    frames = summary["frames"] or {}
    scalars |= {f"frame_{name}": frames.get(name) for name in ("auc", "f1")}
    return {name: math.nan if value is None else value for name, value in scalars.items()}


def _known(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
