"""The predictions file: one row a sample, as Parquet or CSV, from which every figure can be computed again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zoo.errors import DataError
from zoo.files import atomic_write
from zoo.metrics.table import DECISION, MEMBERS, SCHEMA, TIMELINE, check_table, in_order
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
    path = Path(path)
    suffix = _suffix(path)
    if not path.is_file():
        raise DataError("No such predictions file.", where=path, next_step="Write one: tools/test.py --predictions.")
    try:
        table = pq.read_table(path, partitioning=None) if suffix == ".parquet" else _read_csv(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the predictions: {str(error).splitlines()[0]}", where=path) from error
    return check_table(table, where=path)


def _read_csv(path: Path) -> pa.Table:
    words = (MEMBERS, DECISION)
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
