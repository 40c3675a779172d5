"""Labels and splits told by names of folders: ``{train,val,test}/{real,fake}/**`` or ``{real,fake}/**``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.tree import folder_split, folders_in, holds_file
from zoo.structures import FAKE, REAL

UNKNOWN: Final = -1
_LABELS: Final = {"real": REAL, "fake": FAKE}
_INNER: Final = ("processed", "raw")


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What the folders above a file tell. A label of -1 is unknown; ``depth`` folders tell split and label."""

    split: str | None
    label: int
    method: str
    depth: int


def parse_folders(path: PurePosixPath) -> FolderFacts:
    """The facts of a file at ``path``, relative to the corpus. The method is the first folder below ``fake``."""
    folders = list(path.parts[:-1])
    split = folder_split(folders[0]) if len(folders) > 1 and folders[1] in _LABELS else None
    told = folders[1:] if split else folders
    label = _LABELS.get(told[0], UNKNOWN) if told else UNKNOWN
    method = {REAL: "real", FAKE: told[1] if len(told) > 1 else "fake", UNKNOWN: "unknown"}[label]
    return FolderFacts(split, label, method, depth=len(folders) - len(told) + (label != UNKNOWN))


def labelled_root(root: Path, suffixes: Collection[str]) -> Path | None:
    """``root``, or ``processed`` or ``raw`` in it: the first with ``real`` or ``fake``, and a file of ``suffixes``."""
    for folder in (root, *(root / name for name in _INNER)):
        names = folders_in(folder)
        told = _LABELS.keys() & set(names) or any(
            _LABELS.keys() & set(folders_in(folder / name)) for name in names if folder_split(name)
        )
        if told and holds_file(folder, suffixes):
            return folder
    return None
