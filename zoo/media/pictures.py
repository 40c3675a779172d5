"""Stills: one picture file, a folder of them, or a folder inside a tar archive, read one picture at a time."""

from __future__ import annotations

import io
import os
import re
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from zoo.errors import MediaError
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.media.probe import beyond

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
"""Suffixes of picture files."""

ARCHIVES: Final = (".tar", ".tar.gz", ".tgz")
_MOST_BYTES: Final = 256 << 20  # of one encoded picture


def is_stills(path: str | os.PathLike) -> bool:
    """Whether ``path`` is a picture, a folder or an archive, judged by its name and kind."""
    path = Path(path)
    return path.is_dir() or path.suffix.lower() in PICTURES or path.name.lower().endswith(ARCHIVES)


def iter_pictures(
    path: str | os.PathLike,
    *,
    member: str | None = None,
    count: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    ledger: DecodeLedger | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """The pictures at ``path`` in the natural order of their names (``2.png`` before ``10.png``), upright.

    Args:
        path: a picture, a folder of pictures, or a tar archive.
        member: the folder inside the archive.
        count: how many, evenly over the order; all by default.
        limits: caps on size and number.
        ledger: told what was there and what could be decoded.

    Yields:
        (place, rgb): the place in the order, since stills have no time, and uint8 [h, w, 3].

    Raises:
        MediaError: nothing there (``missing``), no picture among it (``no_video``), unreadable (``not_media``), too
            many or too large pictures, or not one that can be decoded (``decode_error``).
    """
    ledger = DecodeLedger() if ledger is None else ledger
    decoded = 0
    try:
        for place, name, content in _contents(Path(path), member, count, limits, ledger):
            try:
                picture = _decode(content, limits, name)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                ledger.note(f"decoding {name}: {error}")
                continue
            decoded += 1
            ledger.decoded_frames += 1
            yield float(place), picture
    except (OSError, tarfile.TarError, EOFError) as error:
        raise MediaError(f"The pictures cannot be read: {error}.", where=path, status="not_media") from error
    if not decoded:
        raise MediaError(f"Not one picture could be decoded: {ledger.summary()}.", where=path, status="decode_error")


def _contents(
    path: Path, member: str | None, count: int | None, limits: Limits, ledger: DecodeLedger
) -> Iterator[tuple[int, str, bytes]]:
    """(place in the order, name, encoded picture) of the chosen ones, in an archive in the order they are stored."""
    if not path.exists():
        raise MediaError("There are no pictures: the path does not exist.", where=path, status="missing")
    if path.is_file() and path.suffix.lower() in PICTURES:
        yield from ((place, name, Path(name).read_bytes()) for place, name in _choose([str(path)], 1, limits, ledger))
    elif path.is_dir():
        names = [entry.name for entry in os.scandir(path) if entry.is_file() and _is_picture(entry.name)]
        for place, name in _choose(_in_order(names, path), count, limits, ledger):
            if (size := (path / name).stat().st_size) > _MOST_BYTES:
                raise beyond("too_large", f"{name} has {size:,} bytes", _MOST_BYTES, path)
            yield place, name, (path / name).read_bytes()
    else:
        with tarfile.open(path, "r:*") as archive:
            inside = {item.name: item for item in _below(archive, member, limits, path)}
            for place, name in _choose(_in_order(list(inside), path), count, limits, ledger):
                file = archive.extractfile(inside[name])
                assert file is not None  # `_below` gives regular files only
                yield place, name, file.read()


def _below(archive: tarfile.TarFile, member: str | None, limits: Limits, path: Path) -> Iterator[tarfile.TarInfo]:
    folder = PurePosixPath(member) if member else None
    for number, item in enumerate(archive):
        if number > limits.max_frames:
            raise beyond("too_many_frames", "The archive holds more files", limits.max_frames, path)
        inside = folder is None or folder in PurePosixPath(item.name).parents
        if item.isreg() and inside and _is_picture(item.name):
            if item.size > _MOST_BYTES:
                raise beyond("too_large", f"{item.name} unpacks to {item.size:,} bytes", _MOST_BYTES, path)
            yield item


def _in_order(names: list[str], path: Path) -> list[str]:
    if not names:
        raise MediaError("There is no picture.", where=path, status="no_video")
    return sorted(names, key=_natural)


def _natural(name: str) -> list[str | int]:
    return [int(part) if number % 2 else part for number, part in enumerate(re.split(r"(\d+)", name))]


def _choose(names: list[str], count: int | None, limits: Limits, ledger: DecodeLedger) -> list[tuple[int, str]]:
    if len(names) > limits.max_frames:
        raise beyond("too_many_frames", f"{len(names):,} pictures", limits.max_frames, None)
    places = np.arange(len(names))
    if count is not None and count < len(names):
        places = ((np.arange(count) + 0.5) / count * len(names)).astype(int)
    ledger.expected_frames += len(places)
    return [(int(place), names[place]) for place in places]


def _is_picture(name: str) -> bool:
    plain = PurePosixPath(name).name
    return PurePosixPath(plain).suffix.lower() in PICTURES and not plain.startswith(".")


def _decode(content: bytes, limits: Limits, name: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is the one that counts
        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > limits.max_pixels:
                found = f"{name} has {picture.width} x {picture.height} pixels"
                raise beyond("too_large", found, limits.max_pixels, name)
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
