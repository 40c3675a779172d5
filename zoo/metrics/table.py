"""The table that every figure is computed from: one row a sample, checked and in one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.errors import DataError
from zoo.metrics.aggregation import MEAN, Groups, aggregate, group_rows

SCHEMA: Final = pa.schema(
    [
        ("sample_id", pa.string()),
        ("video_id", pa.string()),
        ("corpus", pa.string()),
        ("method", pa.string()),
        ("label", pa.int8()),  # 0 = real, 1 = fake, null = unknown
        ("score", pa.float64()),  # in [0, 1]; null unless status is "ok"
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("status", pa.string()),
    ]
)
TIMELINE: Final = pa.field("timeline", pa.list_(pa.float32()))
"""Optional column: scores of a sample's frames, evenly spread from ``start_s`` to ``end_s``."""
TRACK: Final = pa.field("track", pa.string())
"""Optional column: which face of its video a sample shows."""
MEMBERS: Final = pa.field("members", pa.string())
"""Optional column: the members of an ensemble that a score comes from, their names joined with "+"."""
DECISION: Final = pa.field("decision", pa.string())
"""Optional column: one of `DECISIONS`, null where none was made."""
OPTIONAL: Final = (TIMELINE, TRACK, MEMBERS, DECISION)
DECISIONS: Final = ("real", "fake", "abstain")

VIDEO: Final = ("corpus", "method", "video_id")
"""Columns that together tell videos apart."""

_REQUIRED: Final = ("sample_id", "video_id", "corpus", "method", "status")


def check_table(table: pa.Table, *, where: object = None) -> pa.Table:
    """``table`` with the columns of `SCHEMA` in their order (and those of `OPTIONAL` that it has), types made right.

    ``start_s`` and ``end_s`` may be absent; further columns are dropped.

    Raises:
        DataError: a column is missing or of a wrong type, a sample occurs twice, a label is neither 0, 1 nor null, a
            score is NaN or outside [0, 1], a row's score and status contradict each other, or a decision is unknown.
    """
    optional = {"start_s", "end_s"}
    missing = [name for name in SCHEMA.names if name not in table.column_names and name not in optional]
    if missing:
        raise DataError(
            f"Columns are missing from the predictions: {', '.join(missing)}.",
            where=where,
            next_step=f"A predictions table has the columns {', '.join(SCHEMA.names)}.",
        )
    fields = [*SCHEMA, *(field for field in OPTIONAL if field.name in table.column_names)]
    columns = [_cast(table, field, where) for field in fields]
    checked = pa.Table.from_arrays(columns, schema=pa.schema(fields))
    for name in _REQUIRED:
        if checked[name].null_count:
            raise DataError(f"Column {name!r} has {checked[name].null_count} empty cells.", where=where)
    label, score, ok = checked["label"], checked["score"], pc.equal(checked["status"], "ok")
    outside = pc.invert(pc.and_(pc.greater_equal(score, 0.0), pc.less_equal(score, 1.0)))
    faults = {
        "have a label that is not 0, 1 or null": pc.invert(pc.is_in(label, pa.array([0, 1, None], pa.int8()))),
        "have a score that is not in [0, 1]": pc.fill_null(outside, False),
        "have status 'ok' and no score": pc.and_(ok, pc.is_null(score)),
        "have a score though their status is not 'ok'": pc.and_(pc.invert(ok), pc.is_valid(score)),
    }
    if DECISION.name in table.column_names:
        known = pa.array([*DECISIONS, None], pa.string())
        faults[f"have a decision that is not {', '.join(DECISIONS)} or null"] = pc.invert(
            pc.is_in(checked[DECISION.name], known)
        )
    for fault, bad in faults.items():
        _refuse(checked.filter(bad), fault, where)
    return _refuse_duplicates(checked, where)


def in_order(table: pa.Table) -> pa.Table:
    """``table`` sorted by corpus and sample_id; of a sample that occurs more than once the first row stays."""
    order = pc.sort_indices(table, sort_keys=[("corpus", "ascending"), ("sample_id", "ascending")])
    ordered = table.take(order)
    return ordered.filter(pc.invert(_repeats(ordered)))


def scored(table: pa.Table) -> pa.Table:
    """The rows that figures can be computed of: status ``ok`` and a known label."""
    return table.filter(pc.and_(pc.equal(table["status"], "ok"), pc.is_valid(table["label"])))


def by_video(table: pa.Table, *, how: str = MEAN) -> pa.Table:
    """One row a video: one score of all its samples, fake when any of its samples is.

    A video is told apart by corpus, method and video_id together, so that videos which different methods made of one
    source never merge, even where a video_id does not name the method.

    Args:
        table: rows as `scored` returns them.
        how: makes one score of many, see `zoo.metrics.aggregation.aggregate`.

    Returns:
        Columns ``corpus``, ``method``, ``video_id``, ``score``, ``label`` and ``samples``.
    """
    return merged(table, group_rows(table, VIDEO), keys=VIDEO, how=how)


def merged(table: pa.Table, groups: Groups, *, keys: Sequence[str], how: str = MEAN) -> pa.Table:
    """One row a group of rows of ``table``: its ``keys``, its score, the highest of its labels, its ``samples``."""
    scores, labels = pair_of(table)
    highest = np.zeros(len(groups), dtype=np.int8)
    np.maximum.at(highest, groups.of_row, labels)
    columns = {name: table[name].take(pa.array(groups.first)) for name in keys}
    return pa.table(
        {
            **columns,
            "score": pa.array(aggregate(scores, groups, how=how), pa.float64()),
            "label": pa.array(highest),
            "samples": pa.array(groups.sizes),
        }
    )


def pair_of(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """``scores`` float64 [n] and ``labels`` int8 [n] of a scored table or a table of videos."""
    return table["score"].to_numpy(), table["label"].to_numpy()


def _cast(table: pa.Table, field: pa.Field, where: object) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        return pa.chunked_array([pa.nulls(len(table), field.type)])
    try:
        return table[field.name].cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"Column {field.name!r} cannot be read as {field.type}: {str(error).splitlines()[0]}.", where=where
        ) from error


def _refuse(rows: pa.Table, fault: str, where: object) -> None:
    if len(rows):
        first = rows.slice(0, 1).to_pylist()[0]
        shown = ", ".join(f"{name} {first[name]!r}" for name in ("sample_id", "label", "score", "status"))
        raise DataError(f"{len(rows)} rows {fault}; the first has {shown}.", where=where)


def _refuse_duplicates(table: pa.Table, where: object) -> pa.Table:
    if len(pc.unique(table["sample_id"])) == len(table):  # as a rule; it spares sorting
        return table
    keys = table.select(["corpus", "sample_id"])
    ordered = keys.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))
    twice = ordered.filter(_repeats(ordered))
    if len(twice):
        raise DataError(
            f"{len(twice)} rows repeat a sample_id; the first is {twice['sample_id'][0].as_py()!r}.",
            where=where,
            next_step="Each sample is predicted once; sample_id = video_id + frame or time range.",
        )
    return table


def _repeats(ordered: pa.Table) -> pa.Array:
    """Boolean [n]: whether a row has the corpus and sample_id of the row before it."""
    repeats = np.zeros(len(ordered), dtype=bool)
    for name in ("corpus", "sample_id"):
        column = ordered[name]
        same = pc.equal(column.slice(1), column.slice(0, max(len(column) - 1, 0))).to_numpy()
        repeats[1:] = same if name == "corpus" else repeats[1:] & same
    return pa.array(repeats)
