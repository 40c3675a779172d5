"""Stills: one picture file, a folder of them, or a folder inside a tar archive, read one picture at a time."""

from __future__ import annotations

import io
import os
import re
import tarfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from zoo.errors import MediaError
from zoo.media.choice import AllFrames, FrameChoice
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.media.probe import beyond
from zoo.media.schedule import Listing

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
"""Suffixes of picture files."""

ARCHIVES: Final = (".tar", ".tar.gz", ".tgz")
_MOST_BYTES: Final = 256 << 20  # of one encoded picture
UNREADABLE: Final = (OSError, EOFError, ValueError, SyntaxError, tarfile.TarError, zlib.error)
"""What a damaged picture or archive is told by."""

_MOST_PADDING: Final = 1 << 20  # bytes behind the end mark of an archive that are looked at


def is_stills(path: str | os.PathLike) -> bool:
    """Whether ``path`` is a picture, a folder or an archive, judged by its name and kind."""
    path = Path(path)
    return path.is_dir() or path.suffix.lower() in PICTURES or path.name.lower().endswith(ARCHIVES)


def iter_pictures(
    path: str | os.PathLike,
    *,
    member: str | None = None,
    choice: FrameChoice | None = None,
    limits: Limits = DEFAULT_LIMITS,
    ledger: DecodeLedger | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """The pictures at ``path`` in the natural order of their names (``2.png`` before ``10.png``), upright.

    Args:
        path: a picture, a folder of pictures, or a tar archive.
        member: the folder inside the archive.
        choice: which pictures, as if they were one second apart; every one by default.
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
        for place, name, read in _contents(Path(path), member, choice or AllFrames(), limits, ledger):
            try:
                picture = decode_picture(read(), name=name, limits=limits)
            except UNREADABLE as error:
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
    path: Path, member: str | None, choice: FrameChoice, limits: Limits, ledger: DecodeLedger
) -> Iterator[tuple[int, str, Callable[[], bytes]]]:
    """(place in the order, name, what reads the encoded picture) of the chosen ones."""
    if not path.exists():
        raise MediaError("There are no pictures: the path does not exist.", where=path, status="missing")
    if path.is_file() and path.suffix.lower() in PICTURES:
        for place, name in _choose([str(path)], AllFrames(), limits, ledger):
            yield place, name, partial(_read_file, path)
    elif path.is_dir():
        names = [entry.name for entry in os.scandir(path) if entry.is_file() and _is_picture(entry.name)]
        for place, name in _choose(_in_order(names, path), choice, limits, ledger):
            yield place, name, partial(_read_file, path / name)
    else:
        with tarfile.open(path, "r:*") as archive:
            inside = {item.name: item for item in _below(archive, member, limits, path, ledger)}
            chosen = _choose(_in_order(list(inside), path), choice, limits, ledger)
            kept = _read_as_stored(archive, [inside[name] for _, name in chosen])
            for place, name in chosen:
                yield place, name, partial(_read_member, archive, inside[name], kept)


def _read_file(path: Path) -> bytes:
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise beyond("too_large", f"{path.name} has {size:,} bytes", _MOST_BYTES, path)
    return path.read_bytes()


def _read_member(
    archive: tarfile.TarFile, item: tarfile.TarInfo, kept: Mapping[str, bytes] = MappingProxyType({})
) -> bytes:
    if item.name in kept:
        return kept[item.name]
    file = archive.extractfile(item)
    assert file is not None  # `_below` gives regular files only
    return file.read()


def _read_as_stored(archive: tarfile.TarFile, items: list[tarfile.TarInfo]) -> dict[str, bytes]:
    """Contents by name, if they fit: going back in a compressed archive means unpacking it anew from its start."""
    contents: dict[str, bytes] = {}
    if sum(item.size for item in items) <= _MOST_BYTES:
        for item in sorted(items, key=lambda item: item.offset_data):
            with suppress(*UNREADABLE):  # told when its turn comes
                contents[item.name] = _read_member(archive, item)
    return contents


def _below(
    archive: tarfile.TarFile, member: str | None, limits: Limits, path: Path, ledger: DecodeLedger
) -> Iterator[tarfile.TarInfo]:
    folder = PurePosixPath(member) if member else None
    for number, item in enumerate(archive):
        if number > limits.max_frames:
            raise beyond("too_many_frames", "The archive holds more files", limits.max_frames, path)
        inside = folder is None or folder in PurePosixPath(item.name).parents
        if item.isreg() and inside and _is_picture(item.name):
            if item.size > _MOST_BYTES:
                raise beyond("too_large", f"{item.name} unpacks to {item.size:,} bytes", _MOST_BYTES, path)
            yield item
    _note_remains(archive, ledger)


def _note_remains(archive: tarfile.TarFile, ledger: DecodeLedger) -> None:
    """A damaged header ends the listing as silently as the end mark does: look at what stands there."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    rest = archive.fileobj.read(_MOST_PADDING)
    if len(rest) < tarfile.BLOCKSIZE or any(rest):
        what = "no more header can be read" if rest else "the end mark is missing"
        ledger.note(f"listing the archive: {what} at byte {archive.offset:,}; what follows is lost")


def _in_order(names: list[str], path: Path) -> list[str]:
    if not names:
        raise MediaError("There is no picture.", where=path, status="no_video")
    return sorted(names, key=_natural)


def _natural(name: str) -> list[str | int]:
    return [int(part) if number % 2 else part for number, part in enumerate(re.split(r"(\d+)", name))]


def _choose(names: list[str], choice: FrameChoice, limits: Limits, ledger: DecodeLedger) -> list[tuple[int, str]]:
    if len(names) > limits.max_frames:
        raise beyond("too_many_frames", f"{len(names):,} pictures", limits.max_frames, None)
    places = np.unique(choice.positions(_one_second_apart(len(names)), limits))
    ledger.expected_frames += len(places)
    return [(int(place), names[place]) for place in places]


def _one_second_apart(count: int) -> Listing:
    places = np.arange(count)
    return Listing(
        pts=places, keys=places, key_times=places, holes=(), lost=0, time_base=Fraction(1), start=Fraction(0)
    )


def _is_picture(name: str) -> bool:
    plain = PurePosixPath(name).name
    return PurePosixPath(plain).suffix.lower() in PICTURES and not plain.startswith(".")


def decode_picture(content: bytes, *, name: object, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """The picture that is encoded in ``content``, upright: uint8 [h, w, 3], RGB.

    Args:
        content: of a file of one of the formats of `PICTURES`, in any colour space.
        name: what an error calls it.
        limits: caps on its size.

    Raises:
        MediaError: too large.
        OSError, EOFError, ValueError, SyntaxError: it cannot be decoded as a whole.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is the one that counts
        try:
            opened = Image.open(io.BytesIO(content))
        except Image.DecompressionBombError:
            raise beyond("too_large", f"{name} has far more pixels", limits.max_pixels, name) from None
        with opened as picture:
            if picture.width * picture.height > limits.max_pixels:
                found = f"{name} has {picture.width} x {picture.height} pixels"
                raise beyond("too_large", found, limits.max_pixels, name)
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I;16"):  # Pillow would clip it at 255
                return np.repeat((np.array(upright) >> 8).astype(np.uint8)[..., None], 3, axis=2)
            return np.array(upright.convert("RGB"))
