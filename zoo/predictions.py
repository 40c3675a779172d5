"""The predictions file: one row a sample, as Parquet or CSV, from which every figure can be computed again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zoo.errors import DataError
from zoo.files import atomic_write
from zoo.metrics.aggregation import aggregate, group_rows
from zoo.metrics.table import DECISION, MEMBERS, SCHEMA, TIMELINE, TRACK, VIDEO, check_table, in_order
from zoo.structures import FAKE, LABEL_NAMES, Prediction, VideoRecord

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
    if table_suffix(path) == ".csv":
        table = _without_timeline(table)
    write_table(path, table)


def write_table(path: Path, table: pa.Table) -> None:
    """Write ``table`` to ``path`` as its suffix says (see `table_suffix`), atomically."""
    with atomic_write(path) as file:
        if path.suffix.lower() == ".parquet":
            pq.write_table(table, file, compression="zstd")
        else:
            pa_csv.write_csv(table, file)


def read_predictions(path: str | os.PathLike) -> pa.Table:
    """The rows of a predictions file: the columns of ``zoo.metrics.table.SCHEMA``, and of ``OPTIONAL`` what it has.

    Raises:
        DataError: absent, unreadable, or rows that break the schema (see ``zoo.metrics.table.check_table``).
    """
    return check_table(_read(Path(path)), where=Path(path))


def read_scores(path: str | os.PathLike) -> tuple[pa.Table, dict[str, str]]:
    """The rows of a predictions file, or of scores made elsewhere, and what was assumed of it, a name to a sentence.

    As `read_predictions`, but ``video_id`` and ``score`` are enough. What else a file does not have is taken as
    follows: ``corpus`` is `UNKNOWN`, ``label`` is null, ``method`` is the label's name, ``status`` is ``ok`` where
    there is a score and ``no_score`` where the cell is empty, and ``sample_id`` is the video_id, with the number of the
    row among the video's rows behind it (``ab12#0``, ``ab12#1``) if a video has several. Rows that are repeated as they
    are, as by samplers that fill up a batch, count once.

    Raises:
        DataError: as `read_predictions`; two rows of one sample that differ are an error here too.
    """
    path = Path(path)
    table = _read(path)
    if missing := [name for name in ("video_id", "score") if name not in table.column_names]:
        raise DataError(
            f"Columns are missing from the scores: {', '.join(missing)}.",
            where=path,
            next_step="The least is video_id and score in [0, 1] (1 = fake), and label (0 = real, 1 = fake) to fit or "
            "evaluate.",
        )
    notes = {}
    told_apart = table["sample_id" if "sample_id" in table.column_names else "video_id"]
    distinct = len(pc.unique(told_apart)) == len(table)  # as a rule; it spares comparing rows
    if not distinct:
        plain = [name for name in table.column_names if not pa.types.is_nested(table[name].type)]
        first = np.sort(group_rows(table, plain).first)
        if len(first) < len(table):
            notes["duplicates"] = f"{len(table) - len(first):,} rows repeat another as it is and are counted once."
            table = table.take(pa.array(first))
    table, assumed = _completed(table)
    if assumed:
        notes["columns_assumed"] = f"The file has no column {', '.join(assumed)}: {'; '.join(assumed.values())}."
    return check_table(table, where=path, distinct=distinct), notes


def scores_of_videos(table: pa.Table, records: Sequence[VideoRecord], *, where: object = None) -> dict[str, float]:
    """The mean score in [0, 1] of each of ``records`` that ``table`` has one of, by ``video_id``.

    Where the table has a video_id for several corpora or methods, the record's own counts.

    Raises:
        DataError: the table has none of the records, calls one fake that is real, or has several scores of one.
    """
    rows = table.filter(pc.equal(table["status"], "ok"))
    groups = group_rows(rows, VIDEO)
    scores = aggregate(rows["score"].to_numpy(), groups)
    fake = np.zeros(len(groups), dtype=bool)
    np.logical_or.at(fake, groups.of_row, pc.fill_null(pc.equal(rows["label"], 1), False).to_numpy())
    by_id: dict[str, list[tuple[str, str, int]]] = {}
    for number, row in enumerate(rows.select(VIDEO).take(pa.array(groups.first)).to_pylist()):
        by_id.setdefault(row["video_id"], []).append((row["corpus"], row["method"], number))
    found = {}
    for record in records:
        near = by_id.get(record.video_id, [])
        for own, place in ((record.corpus, 0), (record.method, 1)):
            near = [item for item in near if item[place] == own] or near if len(near) > 1 else near
        if len(near) > 1:
            raise DataError(f"Video {record.video_id!r} has scores of {len(near)} methods or corpora.", where=where)
        if near:
            number = near[0][2]
            if fake[number] and record.label == 0:
                raise DataError(f"Video {record.video_id!r} is fake in the scores and real in the corpus.", where=where)
            found[record.video_id] = float(scores[number])
    if records and not found:
        some = f", such as {next(iter(by_id))!r}," if by_id else ""
        raise DataError(
            f"The scores{some} are of none of the {len(records):,} videos, such as {records[0].video_id!r}.",
            where=where,
            next_step="Scores and videos are matched by video_id.",
        )
    return found


def _completed(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """``table`` with the columns that it lacks and that can be assumed, and what was."""
    fillings = {
        "corpus": (lambda: pa.repeat(UNKNOWN, len(table)), "the corpus is not known"),
        "label": (lambda: pa.nulls(len(table), pa.int8()), "no label is known"),
        "method": (lambda: _methods(table), "all fakes are taken for one method"),
        "status": (lambda: pc.if_else(pc.is_valid(table["score"]), "ok", "no_score"), "a row with a score is ok"),
        "sample_id": (lambda: _sample_ids(table), "each row is a sample of its video"),
    }
    assumed = {}
    for name, (filling, text) in fillings.items():
        if name not in table.column_names:
            table = table.append_column(name, filling())
            assumed[name] = text
    return table, assumed


def _methods(table: pa.Table) -> pa.ChunkedArray:
    names = pc.if_else(pc.equal(table["label"].cast(pa.int8()), FAKE), *reversed(LABEL_NAMES))
    return pc.fill_null(names, UNKNOWN)


def _sample_ids(table: pa.Table) -> pa.ChunkedArray:
    videos, groups = table["video_id"].cast(pa.string()), group_rows(table, ["video_id"])
    sizes = groups.sizes
    if len(groups) == len(table):
        return videos
    numbers = np.empty(len(table), np.int64)
    numbers[np.argsort(groups.of_row, kind="stable")] = np.arange(len(table)) - np.repeat(
        np.cumsum(sizes) - sizes, sizes
    )
    return pc.binary_join_element_wise(videos, pa.array(numbers).cast(pa.string()), "#")


def _read(path: Path) -> pa.Table:
    suffix = table_suffix(path)
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


def table_suffix(path: Path, *, what: str = "Predictions") -> str:
    """``.parquet`` or ``.csv``, by which ``what`` is written to and read from ``path``.

    Raises:
        DataError: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise DataError(
            f"{what} are written and read as .parquet or .csv, not {suffix or 'without a suffix'}.", where=path
        )
    return suffix
