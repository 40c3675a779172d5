"""The segments file: what a localizing detector proposes and what is true, one row a segment, as Parquet or CSV.

It lies beside the predictions of the same evaluation, and all figures of localization can be computed from it again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zoo.errors import DataError
from zoo.metrics.segment_table import SCHEMA, check_segments
from zoo.predictions import table_suffix, write_table


def segments_beside(predictions: str | os.PathLike) -> Path:
    """Where the segments lie that belong to the predictions at a path."""
    path = Path(predictions)
    usual = path.stem == "predictions"
    return path.with_name("segments.parquet" if usual else f"{path.stem}.segments.parquet")


def write_segments(path: str | os.PathLike, table: pa.Table) -> None:
    """Write ``table`` to ``path`` (Parquet or CSV by its suffix), in order, atomically.

    Raises:
        DataError: another suffix, or rows that break the schema (see ``zoo.metrics.segment_table.check_segments``).
        WorkDirError: the file cannot be written.
    """
    path = Path(path)
    table_suffix(path, what="Segments")
    write_table(path, check_segments(table, where=path))


def read_segments(path: str | os.PathLike) -> pa.Table:
    """The rows of a segments file: the columns of ``zoo.metrics.segment_table.SCHEMA``.

    Raises:
        DataError: absent, unreadable, or rows that break the schema.
    """
    path = Path(path)
    suffix = table_suffix(path, what="Segments")
    if not path.is_file():
        raise DataError(
            "No such segments file.", where=path, next_step="Evaluate a localizing detector: tools/test.py writes one."
        )
    try:
        table = pq.read_table(path, partitioning=None) if suffix == ".parquet" else _read_csv(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the segments: {str(error).splitlines()[0]}", where=path) from error
    return check_segments(table, where=path)


def _read_csv(path: Path) -> pa.Table:
    types = {field.name: field.type for field in SCHEMA}
    options = pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    return pa_csv.read_csv(path, convert_options=options)
