"""The file to hand in: a name and a score a row, rows and names as in a sample where there is one."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.errors import DataError
from zoo.files import atomic_write

COLUMNS: Final = ("filename", "label")
NAMINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "path": lambda name: name,
    "name": lambda name: PurePosixPath(name).name,
    "stem": lambda name: PurePosixPath(name).stem,
    "path-stem": lambda name: str(PurePosixPath(name).with_suffix("")),
}
"""How rows name files: by the path below the data, the last part of it, or either without its suffix."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a submission looks like: its two ``columns``, and its ``rows`` in order, each (name in it, input's name)."""

    columns: tuple[str, str]
    rows: Sequence[tuple[str, str]]


def plain_form(inputs: Sequence[str], *, columns: tuple[str, str] | None = None, naming: str | None = None) -> Form:
    """All ``inputs`` in their order.

    Raises:
        DataError: two of them have one name.
    """
    name_of = NAMINGS[naming or "path"]
    _require_distinct(inputs, naming or "path")
    return Form(columns=columns or COLUMNS, rows=[(name_of(name), name) for name in inputs])


def form_like(
    sample: str | os.PathLike,
    inputs: Sequence[str],
    *,
    columns: tuple[str, str] | None = None,
    naming: str | None = None,
) -> Form:
    """The columns, names and rows of the CSV file ``sample``, which names every one of ``inputs`` once.

    Args:
        sample: its first column names files, the second takes the score.
        inputs: names, paths below the data.
        columns: those of the sample, if they are to be checked.
        naming: one of `NAMINGS`; the one that fits best if None.

    Raises:
        DataError: the file is no such list, has other columns, or names other files than there are; one error names a
            few of the files that lack, and of those that are too many.
    """
    sample = Path(sample)
    header, wanted = _read(sample)
    if columns is not None and columns != header:
        raise DataError(
            f"The sample has the columns {','.join(header)}, not {','.join(columns)}.",
            where=sample,
            next_step=f"Leave --columns out, or give --columns {','.join(header)}.",
        )
    namings = [naming] if naming else list(NAMINGS)
    asked = set(wanted)
    best = max(namings, key=lambda name: len(asked & {NAMINGS[name](one) for one in inputs}))  # the first of equals
    by_name: dict[str, str] = {NAMINGS[best](one): one for one in inputs}
    absent = [name for name in wanted if name not in by_name]
    extra = sorted(one for name, one in by_name.items() if name not in asked)
    if absent or extra:
        faults = []
        if absent:
            faults.append(f"{len(absent)} of its {len(wanted)} names are not in the data ({_few(absent)})")
        if extra:
            faults.append(f"{len(extra)} files of the data are not in it ({_few(extra)})")
        raise DataError(
            f"The sample submission and the data do not match: {'; '.join(faults)}.",
            where=sample,
            next_step="Give the sample of this data, and as --data the folder that holds exactly its files.",
        )
    _require_distinct(inputs, best)
    return Form(columns=header, rows=[(name, by_name[name]) for name in wanted])


def write_submission(path: str | os.PathLike, form: Form, scores: Mapping[str, float]) -> None:
    """Write the CSV file, atomically; ``scores`` maps every input's name to its score in [0, 1].

    Raises:
        WorkDirError: it cannot be written.
    """
    with atomic_write(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(form.columns)
        writer.writerows((name, f"{scores[source]:.9g}") for name, source in form.rows)


def read_columns(text: str) -> tuple[str, str]:
    """``filename,label`` to the two names.

    Raises:
        DataError: not two different names.
    """
    names = tuple(name.strip() for name in text.split(","))
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise DataError(
            f"--columns takes two names, not {text!r}.", next_step="The file's, then the score's: --columns id,score"
        )
    return names[0], names[1]


def _read(path: Path) -> tuple[tuple[str, str], list[str]]:
    """The two columns of a sample and the names in its first."""
    step = "Give a CSV file with a header, file names in the first column and scores in the second."
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except FileNotFoundError:
        raise DataError("There is no such sample submission.", where=path, next_step=step) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The sample submission cannot be read: {error}.", where=path, next_step=step) from error
    if len(rows) < 2 or len(rows[0]) != 2:
        what = "no rows" if rows and len(rows[0]) == 2 else f"{len(rows[0]) if rows else 0} columns, not two"
        raise DataError(f"The sample submission has {what}.", where=path, next_step=step)
    if wrong := next((number for number, row in enumerate(rows[1:], start=2) if len(row) != 2), None):
        raise DataError(f"Row {wrong} of the sample submission has not two cells.", where=path, next_step=step)
    names = [row[0] for row in rows[1:]]
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
        raise DataError(f"The sample submission names files twice ({_few(twice)}).", where=path)
    return (rows[0][0], rows[0][1]), names


def _require_distinct(inputs: Sequence[str], naming: str) -> None:
    named: dict[str, str] = {}
    for one in inputs:
        if (other := named.setdefault(NAMINGS[naming](one), one)) != one:
            raise DataError(
                f"{other} and {one} have one name in the submission.", next_step="Name them by their path: --names path"
            )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
