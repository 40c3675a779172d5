"""The tree that FaceForensics++ and DFD share: ``{original,manipulated}_sequences/<name>/<compression>``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in
from zoo.errors import ConfigError, DataError

ORIGINAL: Final = PurePosixPath("original_sequences")
MANIPULATED: Final = PurePosixPath("manipulated_sequences")
COMPRESSIONS: Final = ("raw", "c23", "c40")


def choose_compression(root: Path, folders: Iterable[PurePosixPath], wanted: str | None) -> str:
    """The compression to read from ``folders`` below ``root``: the one ``wanted``, or the only one there.

    Raises:
        ConfigError: several are there and none is named, or the one named is not there.
        DataError: there is none.
    """
    folders = list(folders)
    there = [name for name in COMPRESSIONS if any((root / folder / name / "videos").is_dir() for folder in folders)]
    if not there:
        patterns = ", ".join(f"{folder}/{{{','.join(COMPRESSIONS)}}}/videos" for folder in folders)
        raise DataError(f"No videos of any compression. Looked for: {patterns}.", where=root)
    if wanted is None and len(there) > 1:
        raise ConfigError(
            f"The corpus is there in several compressions: {', '.join(there)}.",
            where=root,
            next_step=f"Name one: --corpus-options compression={there[-1]}",
        )
    if wanted is not None and wanted not in there:
        raise ConfigError(f"Compression {wanted!r} is not there; there is {', '.join(there)}.", where=root)
    return wanted or there[0]


def videos_of(folder: PurePosixPath, compression: str) -> PurePosixPath:
    """Where the videos of ``folder`` lie."""
    return folder / compression / "videos"


def masks_of(root: Path, folder: PurePosixPath) -> dict[str, str]:
    """Stem of a fake to the path of its mask video, for the masks that are there."""
    masks = root / folder / "masks" / "videos"
    return {Path(name).stem: str(masks / name) for name in files_in(masks, VIDEO_SUFFIXES)}
