"""Crops in a few large files instead of millions of small ones: uncompressed zip archives with an index of offsets.

Any zip program opens a pack. We read it by offset, one ``pread`` a crop, without its central directory.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.errors import DataError
from zoo.files import atomic_write

PACKS: Final = "packs"
_INDEX: Final = "index.arrow"
_SCHEMA: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("pack", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
    ]
)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # equal crops give equal packs, whenever they are written
_LOCAL_HEADER: Final = 30  # bytes before the name, see APPNOTE.TXT 4.3.7


class CropPacks:
    """The packs below the folder of a manifest; there may be none.

    Raises:
        DataError: the index cannot be read, or a pack.
    """

    def __init__(self, root: str | os.PathLike):
        self.folder = Path(root) / PACKS
        self._files: dict[int, int] = {}

    @cached_property
    def index(self) -> pa.Table:
        """One row a packed crop: ``path``, and ``pack``, ``offset`` and ``size`` in bytes. Memory-mapped, unless a pack
        is gone or shorter than it was: what it held is left out."""
        packs, inverse = np.unique(self._listed["pack"].to_numpy(), return_inverse=True)
        lengths = np.array([_length(self.folder / _name(int(pack))) for pack in packs], np.int64)
        ends = self._listed["offset"].to_numpy() + self._listed["size"].to_numpy()
        whole = ends <= lengths[inverse] if len(packs) else np.zeros(0, bool)
        return self._listed if whole.all() else self._listed.filter(pa.array(whole)).combine_chunks()

    @cached_property
    def _listed(self) -> pa.Table:
        path = self.folder / _INDEX
        if not path.is_file():
            return _SCHEMA.empty_table()
        try:
            with pa.memory_map(str(path)) as source:
                return pa.ipc.open_file(source).read_all().cast(_SCHEMA)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"The index of the packs cannot be read: {error}.", where=path) from error

    @cached_property
    def folders(self) -> dict[str, int]:
        """How many packed crops each folder has."""
        folders = pc.replace_substring_regex(self._paths, "/[^/]*$", "")
        return {row["values"]: row["counts"] for row in folders.value_counts().to_pylist()}

    def find(self, paths: Sequence[str] | pa.ChunkedArray) -> np.ndarray:
        """Rows of the index, int64 [n], at which ``paths`` stand; -1 for those that are not packed."""
        wanted = paths if isinstance(paths, pa.ChunkedArray) else pa.chunked_array([pa.array(paths, pa.string())])
        found = pc.index_in(wanted, value_set=self._paths)
        return pc.fill_null(found, -1).to_numpy().astype(np.int64)

    def read(self, row: int) -> bytes:
        """The file content of the crop at ``row`` of the index."""
        pack, offset, size = (int(column[row]) for column in self._places)
        try:
            if pack not in self._files:
                self._files[pack] = os.open(self.folder / _name(pack), os.O_RDONLY)
            content = os.pread(self._files[pack], size, offset)
        except OSError as error:
            raise self._unreadable(pack, f"cannot be read: {error.strerror}") from error
        if len(content) != size:
            raise self._unreadable(pack, "is shorter than its index says")
        return content

    def pack_of(self, row: int) -> Path:
        """The pack that holds the crop at ``row`` of the index."""
        return self.folder / _name(int(self._places[0][row]))

    def add(self, paths: Sequence[str], *, pack_bytes: int = 1 << 30) -> int:
        """Pack the files at ``paths``, given relative to the root, that are not packed yet, and remove them.

        Packs are whole before the index names them, and the index before a file is removed.

        Args:
            paths: in the order in which they shall lie in the packs.
            pack_bytes: a pack that has reached it is closed.
        Returns:
            How many were packed.

        Raises:
            DataError: one of them is not there.
            WorkDirError: a pack cannot be written.
        """
        root = self.folder.parent
        missing = [path for path, row in zip(paths, self.find(paths), strict=True) if row < 0]
        number = int(pc.max(self._listed["pack"]).as_py()) + 1 if len(self._listed) else 0
        rows: dict[str, list] = {name: [] for name in _SCHEMA.names}
        for chunk in _chunks(root, missing, pack_bytes):
            with atomic_write(self.folder / _name(number)) as file, zipfile.ZipFile(file, "w") as archive:
                for path in chunk:
                    content = (root / path).read_bytes()
                    entry = zipfile.ZipInfo(path, _EPOCH)
                    archive.writestr(entry, content)
                    header = _LOCAL_HEADER + len(path.encode())
                    row = (path, number, entry.header_offset + header, len(content))
                    for name, value in zip(_SCHEMA.names, row, strict=True):
                        rows[name].append(value)
            number += 1
        if missing:
            table = pa.concat_tables([self.index, pa.table(rows, schema=_SCHEMA)]).sort_by("path").combine_chunks()
            with atomic_write(self.folder / _INDEX) as file, pa.ipc.new_file(file, _SCHEMA) as writer:
                writer.write_table(table)
            self._forget()
        for path in paths:
            (root / path).unlink(missing_ok=True)
        _remove_empty(root, {str(Path(path).parent) for path in paths})
        return len(missing)

    def __getstate__(self) -> dict:
        return {"folder": self.folder, "_files": {}}  # a copy in another process opens its own

    @cached_property
    def _paths(self) -> pa.Array:
        return pa.array([], pa.string()) if not len(self.index) else self.index["path"].combine_chunks()

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        pack, offset, size = (self.index[name].to_numpy() for name in ("pack", "offset", "size"))
        return pack, offset, size

    def _forget(self) -> None:
        for name in ("_listed", "index", "folders", "_paths", "_places"):
            self.__dict__.pop(name, None)

    def _unreadable(self, pack: int, what: str) -> DataError:
        step = "Repeat the preprocessing with --pack: it cuts again what is missing."
        return DataError(f"A pack {what}.", where=self.folder / _name(pack), next_step=step)


def _remove_empty(root: Path, folders: set[str]) -> None:
    """Remove ``folders`` below ``root`` that are empty, and what becomes empty by that."""
    parents = folders | {str(parent) for folder in folders for parent in Path(folder).parents} - {"."}
    for folder in sorted(parents, key=lambda name: -name.count("/")):
        with suppress(OSError):  # something lies there
            (root / folder).rmdir()


def _name(pack: int) -> str:
    return f"crops-{pack:05d}.zip"


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _chunks(root: Path, paths: Sequence[str], most_bytes: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for path in paths:
        chunk.append(path)
        try:
            size += (root / path).stat().st_size
        except OSError as error:
            step = "Repeat the preprocessing: it cuts again what is missing."
            raise DataError(
                f"A crop to be packed cannot be read: {error.strerror}.", where=path, next_step=step
            ) from error
        if size >= most_bytes:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
