"""A corpus that is a folder of videos and one table."""

from __future__ import annotations

import csv
import os
from pathlib import Path, PurePosixPath

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.tree import listed_path, read_list
from zoo.datasets.splits import SPLITS
from zoo.errors import DataError
from zoo.structures import FAKE, LABEL_NAMES, VideoRecord

_TABLE = "labels.csv"
_NEEDED = ("file", "label")


class LabelsTable(Corpus):
    """Reader of a folder with a ``labels.csv``: columns ``file`` and ``label``, and what else is known.

    ``label`` is ``real`` or ``fake``. ``method`` names the manipulation of a fake (``fake`` where it is empty),
    ``split`` is train, val or test or empty, ``people`` are names with semicolons between, and ``source`` is the
    genuine file that a fake was made of.

    Args:
        max_skipped: the largest share of listed files that may be missing or unreadable.
    """

    name = "labels"
    looked_for = (f"{_TABLE} with the columns {', '.join(_NEEDED)}, and optionally method, split, people, source",)

    def __init__(self, *, max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        table = Path(root) / _TABLE
        return Path(root) if table.is_file() and set(_NEEDED) <= _columns(table) else None

    def _scan(self, root: Path) -> CorpusScan:
        records: dict[PurePosixPath, VideoRecord] = {}
        skipped: dict[str, str] = {}
        repeated = 0
        for where, row in read_list(root / _TABLE, columns=_NEEDED):
            path = listed_path(row["file"], where=where)
            if path in records:
                repeated += 1
            elif fault := file_fault(root / path):
                skipped[str(path)] = fault
            else:
                records[path] = self._record(root, path, row, where)
        found = sorted(records.values(), key=lambda record: record.video_id)
        return CorpusScan(records=tuple(found), skipped=skipped, repeated=repeated)

    def _record(self, root: Path, path: PurePosixPath, row: dict[str, str], where: str) -> VideoRecord:
        label, split = row["label"].lower(), row.get("split") or None
        if label not in LABEL_NAMES or split not in (*SPLITS, None):
            raise DataError(
                f"The row cannot be understood: label {row['label']!r}, split {split!r}.",
                where=where,
                next_step=f"A label is {' or '.join(LABEL_NAMES)}, a split one of {', '.join(SPLITS)}, or empty.",
            )
        fake = LABEL_NAMES.index(label) == FAKE
        source = self._id(listed_path(row["source"], where=where)) if fake and row.get("source") else None
        return VideoRecord(
            video_id=self._id(path),
            path=str(root / path),
            corpus=self.name,
            split=split,
            label=LABEL_NAMES.index(label),
            method=(row.get("method") or "fake") if fake else "real",
            identities=frozenset(
                f"{self.name}/{one.strip()}" for one in row.get("people", "").split(";") if one.strip()
            ),
            source_videos=frozenset({source} if source else ()),
            video_fake=None if fake else False,  # the table does not tell which of picture and sound is
            audio_fake=None if fake else False,
            original=source,
        )

    def _id(self, path: PurePosixPath) -> str:
        return f"{self.name}/{path}"


def _columns(table: Path) -> set[str]:
    """Names in the first line; none if it cannot be read."""
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            return {name.strip().lower() for name in next(csv.reader(file), [])}
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()
