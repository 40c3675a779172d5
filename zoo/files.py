"""Files that are either whole or absent: atomic writes, digests and safe reading of arrays."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zoo.errors import DataError, WorkDirError

if TYPE_CHECKING:
    import numpy as np

_TEMPORARY = re.compile(r"^\.(?P<target>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)-(?P<count>\d+)\.partial$")
_counter = 0


@contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO]:
    """A file object whose content becomes ``path`` when the block ends, or nothing at all when it raises.

    The temporary file lies beside the target (a rename across file systems is a copy), is flushed to the disk before
    it takes the target's name, and so is the directory after.

    Raises:
        WorkDirError: the folder cannot be written or the disk is full; what was at ``path`` is still there.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{_next_count()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise WorkDirError(
            f"Cannot write {path.name}: {error.strerror or error}.",
            where=path.parent,
            next_step="Free disk space or choose a folder you may write; nothing that was saved before is lost.",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write ``value`` as indented JSON, atomically. NaN and infinities are an error: JSON has none."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, "w") as file:
        file.write(text + "\n")


def sweep_partial_files(folder: str | os.PathLike, *, below: bool = True) -> list[Path]:
    """Remove what writers that no longer live left in ``folder`` and ``below``; returns what was removed.

    A temporary file of another host is removed once it is a day old, since its process cannot be asked.
    """
    removed = []
    for path in Path(folder).glob(f"{'**/' if below else ''}.*.partial"):
        match = _TEMPORARY.match(path.name)
        if match is None:
            continue
        mine = match["host"] == _host()
        alive = _process_lives(int(match["pid"])) if mine else time.time() - path.stat().st_mtime < 86_400
        if not alive:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def sha256_of(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_npz(path: str | os.PathLike, key: str, *, max_bytes: int = 1 << 30) -> np.ndarray:
    """The array ``key`` of an ``.npz`` file, never unpickling anything.

    Raises:
        DataError: not a readable ``.npz``, no such key, pickled objects inside, or larger than ``max_bytes``
            once unpacked.
    """
    import numpy as np

    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(f"{key}.npy").file_size
            if size > max_bytes:
                raise DataError(f"Array {key!r} unpacks to {size:,} bytes (limit {max_bytes:,}).", where=path)
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[key]
    except KeyError:
        raise DataError(f"No array {key!r} in the file.", where=path, next_step=f"Save it under {key!r}.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        pickled = "allow_pickle" in str(error)
        what = f"Array {key!r} holds pickled objects" if pickled else f"Cannot read array {key!r}: {error}"
        step = "Save plain float arrays; pickles are never loaded." if pickled else "Write the file again."
        raise DataError(f"{what}.", where=path, next_step=step) from error


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", socket.gethostname()) or "host"


def _next_count() -> int:
    global _counter
    _counter += 1
    return _counter


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
