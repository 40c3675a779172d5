"""The SHA-256 beside a file, in the format of ``sha256sum``, right at every moment of the file's replacement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from zoo.errors import CheckpointError
from zoo.files import atomic_write, sha256_of


class HashingWriter:
    """Passes bytes on to ``file`` while it digests them. ``error`` keeps what the file raised."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            self._file.write(data)
        except OSError as error:
            self.error = error
            raise
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def write_with_digest(path: Path) -> Iterator[HashingWriter]:
    """Like `atomic_write`, and the digest beside it.

    Until the rename both the old and the new digest are valid, so that a crash in between leaves a file that is known
    to be whole either way.
    """
    replaced = known_digests(path) if path.exists() else []
    with atomic_write(path) as file:
        writer = HashingWriter(file)
        yield writer
        digest = writer.hexdigest()
        _write(path, [digest, *(item for item in replaced if item != digest)])
    if replaced:
        _write(path, [digest])


def check_digest(path: Path) -> bool:
    """Whether a digest lies beside ``path``.

    Raises:
        CheckpointError: one does, and it is of another content.
    """
    known = known_digests(path)
    if known and sha256_of(path) not in known:
        raise CheckpointError(
            "The checkpoint is damaged: its SHA-256 differs from the one beside it.",
            where=path,
            next_step="Copy it again from its source, or use an older checkpoint of the run.",
        )
    return bool(known)


def known_digests(path: Path) -> list[str]:
    """The valid digests of ``path``; empty if no file says any."""
    beside = digest_path(path)
    try:
        lines = beside.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            "The digest cannot be read.", where=beside, next_step="Delete it to go without."
        ) from error
    return [line.split()[0].lower() for line in lines if line.strip()] or ["none"]


def digest_path(path: Path) -> Path:
    """Where the digest of ``path`` lies."""
    return path.with_name(path.name + ".sha256")


def _write(path: Path, digests: list[str]) -> None:
    with atomic_write(digest_path(path), "w") as file:
        file.writelines(f"{digest}  {path.name}\n" for digest in digests)
