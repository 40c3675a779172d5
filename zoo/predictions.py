"""The predictions file: one row a sample, as Parquet or CSV, from which every figure can be computed again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zoo.errors import DataError
from zoo.files import atomic_write
from zoo.metrics.table import SCHEMA, TIMELINE, check_table, in_order
from zoo.structures import Prediction


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
            pa_csv.write_csv(table.select(SCHEMA.names), file)


def read_predictions(path: str | os.PathLike) -> pa.Table:
    """The rows of a predictions file: the columns of ``zoo.metrics.table.SCHEMA``, and ``timeline`` if it has them.

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
    types = {field.name: field.type for field in SCHEMA}  # without them, an id 00012 would become the number 12
    options = pa_csv.ConvertOptions(column_types=types, null_values=[""])  # "nan" stays NaN, which is then refused
    table = pa_csv.read_csv(path, convert_options=options)
    return table.drop_columns([TIMELINE.name]) if TIMELINE.name in table.column_names else table


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise DataError(
            f"Predictions are written and read as .parquet or .csv, not {suffix or 'without a suffix'}.", where=path
        )
    return suffix
