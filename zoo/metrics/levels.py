"""The levels at which predictions are judged: samples, tracks (one face through a video) where known, videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zoo.metrics.aggregation import MEAN, group_rows
from zoo.metrics.table import VIDEO, merged

FACE: Final = r"#(?P<track>\d+)_\d+$"
"""How the ids of face crops end: VIDEO#FACE_FRAME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Rows of one level: ``table`` with ``corpus``, ``method``, ``video_id``, ``score`` and ``label``, and ``video``
    int [n], the number of each row's video in the table of videos."""

    table: pa.Table
    video: NDArray[np.intp]


def levels_of(rows: pa.Table, *, how: str = MEAN) -> dict[str, Level]:
    """``video``, ``track`` (where some video has two) and ``sample``, of rows that `zoo.metrics.table.scored` gave."""
    videos = group_rows(rows, VIDEO)
    levels = {"video": Level(table=merged(rows, videos, keys=VIDEO, how=how), video=np.arange(len(videos)))}
    tracks = tracks_of(rows)
    if tracks is not None:
        keys = (*VIDEO, "track")
        named = rows.drop_columns([name for name in ("track",) if name in rows.column_names])
        named = named.append_column("track", tracks)
        groups = group_rows(named, keys)
        if len(groups) > len(videos):
            table = merged(named, groups, keys=keys, how=how)
            levels["track"] = Level(table=table, video=videos.of_row[groups.first])
    levels["sample"] = Level(table=rows, video=videos.of_row)
    return levels


def tracks_of(rows: pa.Table) -> pa.ChunkedArray | None:
    """Which face each sample shows, by the column ``track`` or by sample ids; None where some do not tell."""
    if "track" in rows.column_names and rows["track"].null_count == 0:
        return rows["track"]
    found = pc.extract_regex(rows["sample_id"], FACE)
    return None if found.null_count else pc.struct_field(found, "track")


def video_names(videos: pa.Table) -> Sequence[tuple[str, str, str]]:
    """(corpus, method, video_id) of every row."""
    return list(zip(*(videos[name].to_pylist() for name in VIDEO), strict=True))
