"""What every corpus reader shares: recognising a tree, reading it, and accounting for files that cannot be used."""

from __future__ import annotations

import logging
import os
import stat
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zoo.errors import DataError
from zoo.structures import VideoRecord

_LOGGER: Final = logging.getLogger(__name__)
_NAMED: Final = 5  # how many files an error names


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusScan:
    """What a reader found.

    Attributes:
        records: the videos that can be used.
        skipped: files that are listed and cannot be used, with the reason.
        repeated: rows that list a file again.
        excluded: files that could be used and are in no split, with the reason. They are no fault of the download.
    """

    records: tuple[VideoRecord, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0
    excluded: Mapping[str, str] = field(default_factory=dict)


class Corpus(ABC):
    """A corpus in the layout it is downloaded in. Subclasses are components of the kind ``corpus``.

    Args:
        max_skipped: the largest share of listed files, in [0, 1], that may be missing or unreadable.
    """

    name: str
    """The first part of every ``video_id``."""

    looked_for: tuple[str, ...]
    """The paths below a root, as patterns, that mark this corpus."""

    generic: bool = False
    """Whether it takes any folder: asked only when no other reader recognises the tree."""

    def __init__(self, *, max_skipped: float = 0.01):
        self.max_skipped = max_skipped

    @classmethod
    @abstractmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        """The folder at or below ``root`` where this corpus starts, or None if it is not there."""

    @abstractmethod
    def _scan(self, root: Path) -> CorpusScan:
        """Everything below ``root``, a folder that :meth:`recognise` returned."""

    def scan(self, root: str | os.PathLike) -> CorpusScan:
        """The videos below ``root``, sorted by ``video_id``, and an account of what was left out.

        Raises:
            DataError: the tree is not recognised, holds no usable video, two videos have one id, or more than
                ``max_skipped`` of the listed files are missing or unreadable.
        """
        try:
            start = self.recognise(root)
            scan = None if start is None else self._scan(start)
        except OSError as error:
            raise DataError(
                f"{self.name} cannot be read: {error.strerror or error}.",
                where=error.filename or root,
                next_step="Check the permissions of the folders, and the disk.",
            ) from error
        if start is None or scan is None:
            state = (
                "is not recognised in the folder" if Path(root).exists() else "is not there: the folder does not exist"
            )
            raise DataError(
                f"{self.name} {state}. Looked for: {', '.join(self.looked_for)}.",
                where=root,
                next_step="Give the folder that holds these, as downloaded and unpacked.",
            )
        listed = len(scan.records) + len(scan.skipped)
        if scan.skipped:
            names = [f"{path} ({reason})" for path, reason in sorted(scan.skipped.items())]
            some = "; ".join(names[:_NAMED]) + (f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
            message = f"{len(names)} of {listed} listed videos of {self.name} cannot be used: {some}."
            if len(names) > self.max_skipped * listed:
                raise DataError(
                    message,
                    where=start,
                    next_step=f"Complete the download, or raise max_skipped (now {self.max_skipped:g}).",
                )
            _LOGGER.warning(message)
        for reason, count in Counter(scan.excluded.values()).most_common():
            _LOGGER.warning(f"{count} videos of {self.name} are left out: {reason}.")
        if not scan.records:
            raise DataError(f"{self.name} lists no video.", where=start, next_step="Check that the download is whole.")
        counts = Counter(record.video_id for record in scan.records)
        if len(counts) < len(scan.records):
            twice = counts.most_common(1)[0][0]
            raise DataError(f"Two videos of {self.name} have the id {twice!r}.", where=start)
        return scan

    def read(self, root: str | os.PathLike) -> list[VideoRecord]:
        """The usable videos below ``root``, sorted by ``video_id``; errors as in :meth:`scan`."""
        return list(self.scan(root).records)


def file_fault(path: Path) -> str | None:
    """Why ``path`` cannot be a video, without decoding it; None if nothing speaks against it."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return "missing"
    if not stat.S_ISREG(status.st_mode):
        return "missing"
    if status.st_size == 0:
        return "empty"
    return None if os.access(path, os.R_OK) else "not readable"
