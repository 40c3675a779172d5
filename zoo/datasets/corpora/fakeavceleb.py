"""FakeAVCeleb v1.2 (Khalid et al., 2021, arXiv:2108.05080): real and fake video times real and fake audio."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import RATIOS, check_ratios, connected_groups, split_groups
from zoo.errors import DataError
from zoo.structures import FAKE, REAL, VideoRecord

_TABLE: Final = "meta_data.csv"
_PREFIX: Final = "FakeAVCeleb"
_COLUMNS: Final = ("source", "target1", "target2", "method", "category", "type", "race", "gender", "path", "")
_MODIFIED: Final = {"A": (False, False), "B": (False, True), "C": (True, False), "D": (True, True)}
_NESTED: Final = (".", "FakeAVCeleb", "FakeAVCeleb_v1.2")
_NOBODY: Final = ("", "-")


@dataclass(slots=True)
class _Row:
    """One file; a file that the table lists more than once gathers the people of all its rows."""

    path: PurePosixPath
    method: str
    category: str
    source: str
    identities: set[str]


class FakeAVCeleb(Corpus):
    """Reader of FakeAVCeleb v1.2.

    The corpus has no official split. Identities that meet in a video, as source or target, are put into one group, and
    whole groups go to one split.

    Args:
        ratios: share of the videos a split.
        seed: of the order in which groups are given to splits.
        max_skipped: the largest share of listed files that may be missing or unreadable.

    Raises:
        ConfigError: ``ratios`` are not positive or do not sum to 1.
    """

    name = "fakeavceleb"
    looked_for = (_TABLE, "RealVideo-RealAudio/<race>/<gender>/<id>/<clip>.mp4", "FakeVideo-FakeAudio/...")

    def __init__(self, *, ratios: Mapping[str, float] = RATIOS, seed: int = 0, max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        check_ratios(ratios)
        self.ratios = dict(ratios)
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if (folder / _TABLE).is_file() and any(folder.glob("*Video-*Audio")):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        rows: dict[PurePosixPath, _Row] = {}
        repeated = 0
        for row in _read_table(root / _TABLE):
            if row.path in rows:
                rows[row.path].identities |= row.identities
                repeated += 1
            else:
                rows[row.path] = row
        faults = {path: fault for path in rows if (fault := file_fault(root / path))}
        groups = connected_groups(row.identities for row in rows.values())
        kept = sorted((row for path, row in rows.items() if path not in faults), key=lambda row: row.path)
        members = [groups[row.source] for row in kept]
        splits = split_groups(members, ratios=self.ratios, seed=self.seed, where=root) if kept else {}
        return CorpusScan(
            records=tuple(self._record(root, row, splits[group]) for row, group in zip(kept, members, strict=True)),
            skipped={str(path): fault for path, fault in faults.items()},
            repeated=repeated,
        )

    def _record(self, root: Path, row: _Row, split: str) -> VideoRecord:
        video_fake, audio_fake = _MODIFIED[row.category]
        return VideoRecord(
            video_id=f"{self.name}/{row.path.with_suffix('')}",
            path=str(root / row.path),
            corpus=self.name,
            split=split,
            label=FAKE if video_fake or audio_fake else REAL,
            method=row.method,
            identities=frozenset(row.identities),
            video_fake=video_fake,
            audio_fake=audio_fake,
        )


def _read_table(path: Path) -> Iterator[_Row]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Cannot read the table: {error}.", where=path, next_step="Download it again.") from error
    header = [name.strip() for name in table[0]] if table else []
    if tuple(header[: len(_COLUMNS)]) != _COLUMNS:
        raise DataError(
            f"The table's columns are {','.join(header)!r}; expected {','.join(_COLUMNS)!r}.",
            where=path,
            next_step="Use the meta_data.csv of FakeAVCeleb v1.2, trailing comma included.",
        )
    for number, cells in enumerate(table[1:], start=2):
        if any(cell.strip() for cell in cells):
            yield _parse(cells, where=f"{path}, line {number}")


def _parse(cells: list[str], *, where: str) -> _Row:
    if len(cells) < len(_COLUMNS):
        raise DataError(f"The row has {len(cells)} cells, not {len(_COLUMNS)}.", where=where, next_step="Mend the row.")
    source, target1, target2, method, category, _, _, _, file_name, folder = (cell.strip() for cell in cells[:10])
    parts = PurePosixPath(folder.replace("\\", "/")).parts
    parts = parts[1:] if parts[:1] == (_PREFIX,) else parts  # named in the table, absent on disk
    path = PurePosixPath(*parts, file_name)
    if category not in _MODIFIED or not source or not file_name or path.is_absolute() or ".." in path.parts:
        raise DataError(
            f"The row cannot be understood: source {source!r}, category {category!r}, file {str(path)!r}.",
            where=where,
            next_step="Category is A, B, C or D, and the file lies below the corpus.",
        )
    people = {source, target1, target2} - set(_NOBODY)
    return _Row(path=path, method=method, category=category, source=source, identities=people)
