"""WildDeepfake (Zi et al., 2020, arXiv:2101.01456): face sequences cut from videos found on the internet."""

from __future__ import annotations

import os
import re
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import check_share, hold_out
from zoo.datasets.corpora.tree import IMAGE_SUFFIXES, NO_UTF8, files_in, folders_in, is_utf8
from zoo.jobs.executors import usable_cpus
from zoo.structures import FAKE, REAL, VideoRecord

_FOLDER: Final = re.compile(r"(?P<label>real|fake)[ _](?P<split>train|test)")
_SUFFIX: Final = ".tar.gz"
_NESTED: Final = (".", "deepfake_in_the_wild", "WildDeepfake", "WildDeepfake/deepfake_in_the_wild")
_MOST_MEMBERS: Final = 1_000_000
_MOST_BYTES: Final = 64 << 30  # unpacked


@dataclass(frozen=True, slots=True)
class _Archive:
    path: PurePosixPath
    label: int
    split: str

    @property
    def source(self) -> str:
        """One archive holds the sequences of one video."""
        number = self.path.name.removesuffix(_SUFFIX)
        return f"{WildDeepfake.name}/{self.path.parent.name.replace(' ', '_')}/{number}"


@dataclass(slots=True)
class _Listing:
    """Folders of an archive that hold pictures, sorted; or why it cannot be used; and entries refused by their name."""

    folders: list[str] = field(default_factory=list)
    fault: str | None = None
    unsafe: dict[str, str] = field(default_factory=dict)


class WildDeepfake(Corpus):
    """Reader of WildDeepfake: one record a sequence of faces, a folder (``member``) inside an archive.

    Listing an archive means unpacking it in memory, a block at a time; nothing is written. The pictures are cropped
    faces already. The split is the official one; it has no validation set.

    Args:
        val_share: share of the training sequences, in [0, 1), that becomes ``val``, by archive.
        seed: of the choice of these archives.
        max_skipped: the largest share of listed archives and sequences that may be missing or unreadable.

    Raises:
        ConfigError: ``val_share`` is out of range.
    """

    name = "wilddeepfake"
    looked_for = ("{real,fake}_{train,test}/<n>.tar.gz (or with a space), also in deepfake_in_the_wild/",)

    def __init__(self, *, val_share: float = 0.0, seed: int = 0, max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        self.val_share = check_share(val_share, "val_share")
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if _archives(folder):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        archives = _archives(root)
        with ThreadPoolExecutor(usable_cpus()) as threads:  # unpacking releases the interpreter
            listings = list(threads.map(lambda archive: _list_archive(root / archive.path), archives))
        skipped = {}
        sequences: list[tuple[_Archive, str]] = []
        for archive, listing in zip(archives, listings, strict=True):
            if listing.fault:
                skipped[str(archive.path)] = listing.fault
                continue
            skipped |= {f"{archive.path}: {name}": reason for name, reason in listing.unsafe.items()}
            sequences += [(archive, folder) for folder in listing.folders]
        splits = hold_out(
            [archive.split for archive, _ in sequences],
            [frozenset({archive.source}) for archive, _ in sequences],
            share=self.val_share,
            seed=self.seed,
            where=root,
        )
        records = [self._record(root, *sequence, split) for sequence, split in zip(sequences, splits, strict=True)]
        return CorpusScan(records=tuple(sorted(records, key=lambda record: record.video_id)), skipped=skipped)

    def _record(self, root: Path, archive: _Archive, folder: str, split: str | None) -> VideoRecord:
        return VideoRecord(
            video_id=f"{archive.source}/{folder}",
            path=str(root / archive.path),
            corpus=self.name,
            split=split,
            label=archive.label,
            method="wild" if archive.label == FAKE else "real",
            source_videos=frozenset({archive.source}),
            video_fake=archive.label == FAKE,
            has_audio=False,
            member=folder,
        )


def _archives(root: Path) -> list[_Archive]:
    found = []
    for name in folders_in(root):
        if match := _FOLDER.fullmatch(name):
            label = FAKE if match["label"] == "fake" else REAL
            files = [file for file in files_in(root / name, {".gz"}) if file.endswith(_SUFFIX)]
            found += [_Archive(PurePosixPath(name, file), label, match["split"]) for file in files]
    return found


def _list_archive(path: Path) -> _Listing:
    if fault := file_fault(path):
        return _Listing(fault=fault)
    folders: set[str] = set()
    listing = _Listing()
    try:
        with tarfile.open(path, mode="r|gz") as archive:
            unpacked = 0
            for count, member in enumerate(archive, start=1):
                unpacked += member.size
                if count > _MOST_MEMBERS or unpacked > _MOST_BYTES:
                    return _Listing(fault=f"unpacks to more than {_MOST_MEMBERS:,} entries or {_MOST_BYTES >> 30} GiB")
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep all of them
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    listing.unsafe[_printable(member.name)] = "the name leaves the archive"
                elif not is_utf8(member.name):
                    listing.unsafe[_printable(member.name)] = NO_UTF8
                elif member.isreg() and name.suffix.lower() in IMAGE_SUFFIXES and not name.name.startswith("."):
                    folders.add(str(name.parent))
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        return _Listing(fault=f"archive cannot be read ({str(error) or type(error).__name__})")
    if not folders:
        return _Listing(fault="archive holds no pictures")
    listing.folders = sorted(folders)
    return listing


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
