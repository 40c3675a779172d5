"""The memory of a job: which keys are finished and with what value, kept across kills."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from zoo.errors import DataError, WorkDirError

_SYNC_EVERY_S: Final = 1.0


class Journal:
    """A file of finished keys and their values, one JSON pair a line, appended to as they finish.

    It is not replaced but grown, so it is the one file that can end in a torn line; opening it cuts that line off.
    Values stay in the file and are read one at a time, however many there are. Without a path nothing is kept.

    Args:
        path: the file, or None.
        fingerprint: the settings of the job, kept in the first line.

    Raises:
        DataError: the file is the journal of other settings, or none at all.
        WorkDirError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike | None, *, fingerprint: str = ""):
        self.path = None if path is None else Path(path)
        self._offsets: dict[str, int] = {}
        self._fingerprint = fingerprint
        self._file: IO[bytes] | None = None
        self._synced = 0.0

    def __enter__(self) -> Journal:
        if self.path is None:
            return self
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a+b")
            self._load(self._file)
            if self._file.seek(0, os.SEEK_END) == 0:
                self._append({"journal": 2, "fingerprint": self._fingerprint})
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # what a full disk did not take, of which `add` has told
                self._file.close()

    def __contains__(self, key: str) -> bool:
        return key in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[str]:
        """The finished keys, in the order in which they finished."""
        return iter(self._offsets)

    def add(self, key: str, value: Any = None) -> None:
        """Remember ``key`` as finished, with a ``value`` of plain types (JSON). The last value of a key counts."""
        if self._file is None:
            self._offsets[key] = 0
            return
        try:
            self._offsets[key] = self._append([key, value])
        except OSError as error:
            raise self._unwritable(error) from error

    def value(self, key: str) -> Any:
        """The value of a finished key.

        Raises:
            KeyError: it is not finished.
        """
        offset = self._offsets[key]
        if self._file is None:
            return None
        self._file.seek(offset)
        return json.loads(self._file.readline())[1]

    def _append(self, value: object) -> int:
        assert self._file is not None
        offset = self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced > _SYNC_EVERY_S:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()
        return offset

    def _load(self, file: IO[bytes]) -> None:
        """Read the lines; what follows the last whole one is cut off."""
        file.seek(0)
        end = 0
        try:
            for number, line in enumerate(iter(file.readline, b"")):
                if not line.endswith(b"\n"):
                    break
                entry = json.loads(line)
                if number == 0:
                    self._check(entry["fingerprint"])
                else:
                    self._offsets[entry[0]] = end
                end += len(line)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DataError(
                "The file is no journal of finished tasks.", where=self.path, next_step="Choose another path."
            ) from error
        file.truncate(end)

    def _check(self, found: str) -> None:
        if found != self._fingerprint:
            raise DataError(
                f"The journal belongs to a job with other settings ({found!r}, not {self._fingerprint!r}).",
                where=self.path,
                next_step="Use the settings it was begun with, or another output folder.",
            )

    def _unwritable(self, error: OSError) -> WorkDirError:
        return WorkDirError(
            f"Cannot write the journal: {error.strerror or error}.",
            where=self.path,
            next_step="Free disk space or choose a folder you may write; finished work is kept.",
        )
