"""Finding files below a corpus whatever its owner did to the tree, and reading its lists without trusting them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from zoo.datasets.splits import SPLITS, split_name
from zoo.errors import DataError

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".asf", ".ogv"}
)
IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
NO_UTF8: Final = "the name is no valid UTF-8"
_MOST_BYTES: Final = 4 << 30  # of a list; the largest known one has about 0.5 GB
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SPLIT_FOLDERS: Final = (*SPLITS, "valid", "validation", "dev")


@dataclass(slots=True)
class Found:
    """Files below a folder, sorted, relative to it; and what could not be entered or named, with the reason."""

    files: list[PurePosixPath] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def find_files(root: Path, suffixes: Collection[str]) -> Found:
    """Everything below ``root`` that has one of ``suffixes`` (lower case) and is no folder.

    Symbolic links are followed, except back to a folder that they lie in. Names that begin with a dot are passed
    over. A folder that cannot be listed and a name that is no UTF-8 are reported, not raised.
    """
    found = Found()
    for entry in _walk(root, found.skipped):
        if entry.suffix.lower() in suffixes:
            found.files.append(entry)
    found.files.sort()
    return found


def holds_file(root: Path, suffixes: Collection[str]) -> bool:
    """Whether `find_files` would find any; stops at the first."""
    return any(entry.suffix.lower() in suffixes for entry in _walk(root, {}))


def folders_in(root: Path) -> list[str]:
    """Names of the folders directly in ``root``, sorted; none if it is absent or cannot be listed."""
    try:
        with os.scandir(root) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry))
    except OSError:
        return []


def files_in(root: Path, suffixes: Collection[str]) -> list[str]:
    """Names of the files directly in ``root`` with one of ``suffixes``, sorted; none if it cannot be listed."""
    try:
        with os.scandir(root) as entries:
            return sorted(
                entry.name
                for entry in entries
                if Path(entry.name).suffix.lower() in suffixes
                and not entry.name.startswith(".")
                and not _is_folder(entry)
                and is_utf8(entry.name)
            )
    except OSError:
        return []


def folder_split(name: str) -> str | None:
    """The split that a folder is named after (``val`` for ``dev`` too), or None."""
    return split_name(name) if name in _SPLIT_FOLDERS else None


def listed_path(text: object, *, where: object) -> PurePosixPath:
    """A path that a list names, below the list's folder; Windows separators are read as such.

    Raises:
        DataError: no text that can be a file name, empty, absolute, with a drive or with ``..``.
    """
    path = PurePosixPath(text.replace("\\", "/")) if isinstance(text, str) else PurePosixPath()
    leaves = path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)) is not None
    if not path.parts or leaves or "\0" in str(path) or not is_utf8(str(path)):
        raise DataError(
            f"The list names {text!r}, which is no path below the corpus.",
            where=where,
            next_step="Use the list as downloaded; absolute paths and '..' are refused.",
        )
    return path


def read_list(path: Path, *, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV table with at least ``columns``, each with the place it stands at.

    Raises:
        DataError: unreadable, or a column is missing.
    """
    import csv

    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Cannot read the table: {error}.", where=path, next_step="Download it again.") from error
    header = [name.lower() for name in rows[0]] if rows else []
    if missing := [name for name in columns if name not in header]:
        raise DataError(f"The table has no column {', '.join(missing)}; it has {','.join(header)!r}.", where=path)
    for number, cells in enumerate(rows[1:], start=2):
        if any(cells):
            yield f"{path}, line {number}", dict(zip(header, cells, strict=False))


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DataError: unreadable, no JSON, or beyond 4 GiB.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"The list has more than {_MOST_BYTES >> 30} GiB.", where=path)
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"Cannot read the list: {error}.", where=path, next_step="Download it again.") from error


def _folders_above(root: Path) -> frozenset:
    """Device and number of every folder that ``root`` lies in."""
    found = set()
    for folder in Path(os.path.realpath(root)).parents:
        with suppress(OSError):
            status = folder.stat()
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _walk(root: Path, skipped: dict[str, str]) -> Iterator[PurePosixPath]:
    """Everything below ``root`` but folders, depth first; without recursion, since folders can lie very deep."""
    left = [(PurePosixPath(), _folders_above(root))]
    while left:
        relative, above = left.pop()
        here = root / relative
        try:
            status = here.stat()
            with os.scandir(here) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if relative.parts:
                skipped[str(relative)] = f"folder cannot be listed ({error.strerror or error})"
            continue
        number = (status.st_dev, status.st_ino)
        if number in above:  # a link back up
            continue
        for entry in listing:
            if entry.name.startswith("."):
                continue
            if not is_utf8(entry.name):
                shown = os.fsencode(str(relative / entry.name)).decode("utf-8", "backslashreplace")
                skipped[shown] = NO_UTF8
            elif _is_folder(entry):
                left.append((relative / entry.name, above | {number}))
            else:
                yield relative / entry.name


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def is_utf8(name: str) -> bool:
    """Whether ``name`` can be printed and saved; names of other encodings reach Python with surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
