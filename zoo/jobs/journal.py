"""The memory of a job: which keys are finished, kept across kills."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import IO, Final

from zoo.errors import DataError, WorkDirError

_SYNC_EVERY_S: Final = 1.0


class Journal:
    """A file of finished keys, one JSON string a line, appended to as they finish.

    It is not replaced but grown, so it is the one file that can end in a torn line; opening it cuts that line off.
    Without a path nothing is remembered.

    Args:
        path: the file, or None.
        fingerprint: the settings of the job, kept in the first line.

    Raises:
        DataError: the file is the journal of other settings, or none at all.
        WorkDirError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike | None, *, fingerprint: str = ""):
        self.path = None if path is None else Path(path)
        self.done: set[str] = set()
        self._fingerprint = fingerprint
        self._file: IO[bytes] | None = None
        self._synced = 0.0

    def __enter__(self) -> Journal:
        if self.path is None:
            return self
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a+b")
            self._file.seek(0)
            content = self._file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._file.truncate(len(whole))
            if whole:
                self._load(whole)
            else:
                self._append({"journal": 1, "fingerprint": self._fingerprint})
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, key: str) -> None:
        """Remember ``key`` as finished."""
        self.done.add(key)
        if self._file is None:
            return
        try:
            self._append(key)
        except OSError as error:
            raise self._unwritable(error) from error

    def _append(self, value: object) -> None:
        assert self._file is not None
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced > _SYNC_EVERY_S:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _load(self, content: bytes) -> None:
        try:
            header, *keys = (json.loads(line) for line in content.splitlines())
            found = header["fingerprint"]
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                "The file is no journal of finished tasks.", where=self.path, next_step="Choose another path."
            ) from error
        if found != self._fingerprint:
            raise DataError(
                f"The journal belongs to a job with other settings ({found!r}, not {self._fingerprint!r}).",
                where=self.path,
                next_step="Use the settings it was begun with, or another output folder.",
            )
        self.done.update(keys)

    def _unwritable(self, error: OSError) -> WorkDirError:
        return WorkDirError(
            f"Cannot write the journal: {error.strerror or error}.",
            where=self.path,
            next_step="Free disk space or choose a folder you may write; finished work is kept.",
        )
