"""Merging part files, and the pack there may be already, into one pack."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.features.layout import BLOBS, FORMAT, INDEX, PARTS, SCHEMA, VERSION, StoreMeta, digest_of
from zoo.features.parts import SUFFIX, Part, read_part
from zoo.files import atomic_write, sweep_partial_files

_BATCH: Final = 4096
_COPY_BYTES: Final = 8 << 20
_SOURCE: Final = (pa.field("source", pa.large_string()), pa.field("start", pa.int64()))


def find_parts(root: Path, meta: StoreMeta) -> Iterator[Part]:
    """All parts below ``root``, checked, in no particular order."""
    for path in (root / PARTS).rglob(f"*{SUFFIX}"):
        yield read_part(path, meta)


def read_index(path: Path) -> pa.Table:
    """The index of a pack, memory-mapped: nothing is read before it is asked for."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def merge(root: Path, meta: StoreMeta) -> StoreMeta:
    """Merge what lies below ``root`` and return the new meta, already written.

    The result depends on the clips alone: not on the order in which they came, nor on how often packing was
    interrupted or repeated. A part takes the place of a packed clip of the same id. Needs room for the pack twice.
    """
    sweep_partial_files(root)
    table = _plan(root, meta)
    lengths = table["length"].to_numpy()
    offsets = np.cumsum(lengths) - lengths
    name_hash = _hash(table, meta)
    new = meta.with_pack(pack=f"pack-{name_hash[:16]}", hash=name_hash, clips=len(table), rows=int(lengths.sum()))
    if new.pack != meta.pack:
        _write_pack(root, meta, table, offsets, root / str(new.pack))
        new.write(root)
    for source in filter(None, pc.unique(table["source"]).to_pylist()):
        Path(source).unlink(missing_ok=True)
    for folder in root.glob("pack-*"):
        if folder.name != new.pack:
            shutil.rmtree(folder, ignore_errors=True)
    return new


def _plan(root: Path, meta: StoreMeta) -> pa.Table:
    """The new index in order of ``video_id``, with the file and the byte that each clip's bytes come from."""
    schema = pa.schema([field for field in SCHEMA if field.name != "offset"] + list(_SOURCE))
    batches, rows = [], []
    for part in find_parts(root, meta):
        rows.append({**part.row, "source": str(part.path), "start": part.start})
        if len(rows) == _BATCH:
            batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
            rows = []
    batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
    table = pa.Table.from_batches(batches, schema=schema)
    if meta.pack is not None:
        packed = read_index(root / meta.pack / INDEX)
        packed = packed.filter(pc.invert(pc.is_in(packed["video_id"], value_set=table["video_id"])))
        packed = packed.rename_columns([*SCHEMA.names[:-1], "start"])
        packed = packed.append_column(_SOURCE[0], pa.array([""] * len(packed), pa.large_string()))
        table = pa.concat_tables([table, packed.select(schema.names).cast(schema)])
    return table.take(pc.sort_indices(table["video_id"])).combine_chunks()


def _hash(table: pa.Table, meta: StoreMeta) -> str:
    """Digest of everything the pack says: format, extractor, and each clip's row with the digest of its bytes."""
    digest = hashlib.sha256(digest_of([FORMAT, VERSION, meta.identity]).encode())
    columns = table.drop_columns([field.name for field in _SOURCE])
    for start in range(0, len(columns), _BATCH):
        for row in columns.slice(start, _BATCH).to_pylist():
            digest.update(digest_of(row).encode())
    return digest.hexdigest()


def _write_pack(root: Path, meta: StoreMeta, table: pa.Table, offsets: np.ndarray, folder: Path) -> None:
    widths = meta.bytes_per_row()
    for blob, (name, width) in enumerate(zip(BLOBS, widths, strict=True)):
        before = sum(widths[:blob])
        with ExitStack() as stack:
            old = stack.enter_context(open(root / meta.pack / name, "rb")) if meta.pack is not None else None
            out = stack.enter_context(atomic_write(folder / name))
            for begin in range(0, len(table), _BATCH):
                columns = table.slice(begin, _BATCH).select(["source", "start", "length"]).to_pydict()
                for source, start, length in zip(*columns.values(), strict=True):
                    if source:
                        with open(source, "rb") as file:
                            _copy(file, start + length * before, length * width, out)
                    elif old is not None:
                        _copy(old, start * width, length * width, out)
    index = table.drop_columns([field.name for field in _SOURCE]).append_column(SCHEMA.field("offset"), [offsets])
    with atomic_write(folder / INDEX) as out, pa.ipc.new_file(out, SCHEMA) as writer:
        for batch in index.cast(SCHEMA).combine_chunks().to_batches():
            writer.write_batch(batch)


def _copy(source: IO[bytes], start: int, count: int, out: IO[bytes]) -> None:
    source.seek(start)
    while count:
        block = source.read(min(count, _COPY_BYTES))
        if not block:
            raise OSError(f"{source.name} ended early")
        out.write(block)
        count -= len(block)
