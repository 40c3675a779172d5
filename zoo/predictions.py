"""The predictions file: one row a sample, as Parquet or CSV, from which every figure can be computed again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zoo.errors import DataError
from zoo.files import atomic_write
from zoo.metrics.aggregation import group_rows
from zoo.metrics.table import DECISION, MEMBERS, SCHEMA, TIMELINE, TRACK, check_table, in_order
from zoo.structures import Prediction

UNKNOWN: Final = "unknown"
"""A corpus or a method that a file does not tell."""


def write_predictions(path: str | os.PathLike, rows: pa.Table | Iterable[Prediction]) -> None:
    """Write ``rows`` to ``path`` (Parquet or CSV by its suffix), sorted by corpus and sample_id, atomically.

    A ``timeline`` column is kept in Parquet; CSV has no lists, so there it is left out.

    Raises:
        DataError: another suffix, or rows that break the schema (see ``zoo.metrics.table.check_table``).
        WorkDirError: the file cannot be written.
    """
    path = Path(path)
    if not isinstance(rows, pa.Table):
        rows = pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], schema=SCHEMA)
    table = in_order(check_table(rows, where=path))
    suffix = _suffix(path)
    with atomic_write(path) as file:
        if suffix == ".parquet":
            pq.write_table(table, file, compression="zstd")
        else:
            pa_csv.write_csv(_without_timeline(table), file)


def read_predictions(path: str | os.PathLike) -> pa.Table:
    """The rows of a predictions file: the columns of ``zoo.metrics.table.SCHEMA``, and of ``OPTIONAL`` what it has.

    Raises:
        DataError: absent, unreadable, or rows that break the schema (see ``zoo.metrics.table.check_table``).
    """
    return check_table(_read(Path(path)), where=Path(path))


def read_scores(path: str | os.PathLike) -> tuple[pa.Table, dict[str, str]]:
    """The rows of a predictions file made elsewhere, and what was assumed about it, a name to a sentence.

    As `read_predictions`, but ``video_id``, ``label`` and ``score`` are enough. Where columns are absent, samples are
    told apart by video_id, the corpus has no name, each class is one method and a row with a score is ``ok``. Rows
    that are repeated as they are, as by samplers that fill up a batch, count once.

    Raises:
        DataError: as `read_predictions`; two rows of one sample that differ are an error here too.
    """
    path = Path(path)
    table, assumed = _completed(_read(path))
    notes = {}
    if assumed:
        notes["columns_assumed"] = f"The file has no column {', '.join(assumed)}: {'; '.join(assumed.values())}."
    plain = [name for name in table.column_names if not pa.types.is_nested(table[name].type)]
    first = np.sort(group_rows(table, plain).first)
    if len(first) < len(table):
        notes["duplicates"] = f"{len(table) - len(first):,} rows repeat another as it is and are counted once."
        table = table.take(pa.array(first))
    return check_table(table, where=path), notes


def _completed(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """``table`` with the columns that it lacks and that can be assumed, and what was."""
    there = set(table.column_names)
    made: dict[str, tuple[pa.Array | pa.ChunkedArray, str]] = {}
    if "video_id" in there and "sample_id" not in there:
        made["sample_id"] = (table["video_id"], "a row is taken for a video")
    if "corpus" not in there:
        made["corpus"] = (pa.array([""] * len(table)), "the corpus is unnamed")
    if "method" not in there and "label" in there:
        names = pc.if_else(pc.equal(table["label"].cast(pa.int8()), 1), "fake", "real")
        made["method"] = (pc.fill_null(names, "unknown"), "all fakes are taken for one method")
    if "status" not in there and "score" in there:
        statuses = pc.if_else(pc.is_valid(table["score"]), "ok", "no_prediction")
        made["status"] = (statuses, "a row with a score is ok")
    for name, (column, _) in made.items():
        table = table.append_column(name, column)
    return table, {name: text for name, (_, text) in made.items()}


def _read(path: Path) -> pa.Table:
    suffix = _suffix(path)
    if not path.is_file():
        raise DataError("No such predictions file.", where=path, next_step="Write one: tools/test.py --predictions.")
    try:
        return pq.read_table(path, partitioning=None) if suffix == ".parquet" else _read_csv(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the predictions: {str(error).splitlines()[0]}", where=path) from error


def _read_csv(path: Path) -> pa.Table:
    words = (TRACK, MEMBERS, DECISION)
    types = {field.name: field.type for field in (*SCHEMA, *words)}  # without, an id 00012 would become the number 12
    options = pa_csv.ConvertOptions(column_types=types, null_values=[""])  # "nan" stays NaN, which is then refused
    table = _without_timeline(pa_csv.read_csv(path, convert_options=options))
    for name in {field.name for field in words} & set(table.column_names):
        column = table[name]  # an empty cell of a column of words is read as an empty word
        table = table.set_column(
            table.column_names.index(name), name, pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        )
    return table


def _without_timeline(table: pa.Table) -> pa.Table:
    return table.drop_columns([TIMELINE.name]) if TIMELINE.name in table.column_names else table


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise DataError(
            f"Predictions are written and read as .parquet or .csv, not {suffix or 'without a suffix'}.", where=path
        )
    return suffix
