"""DFDC (Dolhansky et al., 2020, arXiv:2006.07397): 50 parts, or the form of the Kaggle challenge."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.grouping import RATIOS, check_ratios, connected_groups, split_groups
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in, folders_in, listed_path, read_json, read_list
from zoo.errors import DataError
from zoo.structures import FAKE, REAL, VideoRecord

_LABELS: Final = {"REAL": REAL, "FAKE": FAKE, "0": REAL, "1": FAKE, "0.0": REAL, "1.0": FAKE}
_UNKNOWN: Final = -1
_METADATA: Final = "metadata.json"
_LABELS_FILE: Final = "labels.csv"
_PART: Final = re.compile(r"dfdc_train_part_\d+")
_SAMPLE: Final = "train_sample_videos"
_KAGGLE_TEST: Final = "test_videos"
_SUBMISSION: Final = "sample_submission.csv"
_NESTED: Final = (".", "DFDC", "dfdc", "train")
_TEST: Final = "test"


@dataclass(frozen=True, slots=True)
class _Video:
    """A listed file; ``original`` is the file name of a fake's genuine video, in the same folder."""

    path: PurePosixPath
    label: int
    original: str | None = None

    @property
    def folder(self) -> str:
        return str(self.path.parent)

    @property
    def family(self) -> str:
        """What a genuine video and its fakes have in common."""
        return f"{self.folder}/{self.original or self.path.name}"


class DFDC(Corpus):
    """Reader of DFDC, whole or some of its parts, and of ``train_sample_videos`` and ``test_videos`` of Kaggle.

    Parts are folds: a part goes to one split as a whole, and a genuine video and its fakes are in one part. Where
    there are fewer parts than splits, only these families are kept together. A single part can be read as well.
    ``test`` with its labels is the official test, and train videos then fill the other splits only. Kaggle's test
    videos have no public labels: theirs are -1.

    Args:
        ratios: share of the training videos a split.
        seed: of the order in which parts are given to splits.
        max_skipped: the largest share of listed files that may be missing or unreadable.

    Raises:
        ConfigError: ``ratios`` are not positive or do not sum to 1.
    """

    name = "dfdc"
    looked_for = (
        "dfdc_train_part_<n>/{metadata.json,*.mp4}",
        "test/labels.csv",
        "train_sample_videos/metadata.json",
        "test_videos/*.mp4",
    )

    def __init__(self, *, ratios: Mapping[str, float] = RATIOS, seed: int = 0, max_skipped: float = 0.01):
        super().__init__(max_skipped=max_skipped)
        check_ratios(ratios)
        self.ratios = dict(ratios)
        self.seed = seed

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        if _is_part(Path(root)):
            return Path(root)
        for nested in _NESTED:
            folder = Path(root) / nested
            if _train_folders(folder) or (folder / _KAGGLE_TEST / _METADATA).is_file():
                return folder
            if (folder / _TEST / _LABELS_FILE).is_file() and files_in(folder / _TEST, VIDEO_SUFFIXES):
                return folder
            if (folder / _KAGGLE_TEST).is_dir() and (folder / _SUBMISSION).is_file():
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        if single := _is_part(root):
            root = root.absolute()
            folders, root = [PurePosixPath(root.name)], root.parent
        else:
            folders = _train_folders(root)
        train = [video for folder in folders for video in _read_metadata(root, folder)]
        test = [] if single else list(_listed_test(root))
        if not single and (root / _TEST / _LABELS_FILE).is_file():
            folders = [*folders, PurePosixPath(_TEST)]
        excluded = dict(_unlisted(root, folders, {video.path for video in (*train, *test)}))
        faults = {str(video.path): fault for video in (*train, *test) if (fault := file_fault(root / video.path))}
        kept = [video for video in train if str(video.path) not in faults]
        splits = self._splits(root, kept, has_test=bool(test))
        records = [self._record(root, video, split) for video, split in zip(kept, splits, strict=True)]
        records += [self._record(root, video, _TEST) for video in test if str(video.path) not in faults]
        return CorpusScan(
            records=tuple(sorted(records, key=lambda record: record.video_id)), skipped=faults, excluded=excluded
        )

    def _splits(self, root: Path, videos: list[_Video], *, has_test: bool) -> list[str]:
        if not videos:
            return []
        ratios = self.ratios
        if has_test and set(ratios) - {_TEST}:
            share = sum(ratio for name, ratio in ratios.items() if name != _TEST)
            ratios = {name: ratio / share for name, ratio in ratios.items() if name != _TEST}
        by_part = len({video.folder for video in videos}) >= len(ratios)
        groups = connected_groups([video.folder if by_part else video.family] for video in videos)
        members = [groups[video.folder if by_part else video.family] for video in videos]
        chosen = split_groups(members, ratios=ratios, seed=self.seed, where=root)
        return [chosen[member] for member in members]

    def _record(self, root: Path, video: _Video, split: str) -> VideoRecord:
        fake = video.label == FAKE
        original = f"{self.name}/{video.folder}/{Path(video.original).stem}" if video.original else None
        return VideoRecord(
            video_id=f"{self.name}/{video.path.with_suffix('')}",
            path=str(root / video.path),
            corpus=self.name,
            split=split,
            label=video.label,
            method={REAL: "real", FAKE: self.name}.get(video.label, "unknown"),
            source_videos=frozenset({original}) if original else frozenset(),
            video_fake=None if fake or video.label == _UNKNOWN else False,
            audio_fake=None if fake or video.label == _UNKNOWN else False,
            original=original,
        )


def _parts(root: Path) -> list[PurePosixPath]:
    """Folders with metadata of training videos; archives of a part unpack to ``part/part`` for some users."""
    found = []
    for name in folders_in(root):
        if _PART.fullmatch(name):
            inner = PurePosixPath(name) if (root / name / _METADATA).is_file() else PurePosixPath(name, name)
            if (root / inner / _METADATA).is_file():
                found.append(inner)
    return found


def _is_part(folder: Path) -> bool:
    """Whether ``folder`` itself is what lies in the corpus otherwise: a part, or Kaggle's training sample."""
    name = folder.absolute().name
    return bool(_PART.fullmatch(name) or name == _SAMPLE) and (folder / _METADATA).is_file()


def _train_folders(root: Path) -> list[PurePosixPath]:
    sample = [PurePosixPath(_SAMPLE)] if (root / _SAMPLE / _METADATA).is_file() else []
    return _parts(root) + sample


def _listed_test(root: Path) -> Iterator[_Video]:
    labels = root / _TEST / _LABELS_FILE
    if labels.is_file():
        for where, row in read_list(labels, columns=("filename", "label")):
            path = PurePosixPath(_TEST) / listed_path(row.get("filename"), where=where)
            yield _Video(path, _label(row.get("label"), where=where))
    hidden = root / _KAGGLE_TEST
    if (hidden / _METADATA).is_file():
        yield from _read_metadata(root, PurePosixPath(_KAGGLE_TEST))
    elif hidden.is_dir():
        names = dict.fromkeys(files_in(hidden, VIDEO_SUFFIXES))
        if (root / _SUBMISSION).is_file():  # its labels are placeholders
            rows = read_list(root / _SUBMISSION, columns=("filename", "label"))
            names |= dict.fromkeys(str(listed_path(row.get("filename"), where=where)) for where, row in rows)
        for name in names:
            yield _Video(PurePosixPath(_KAGGLE_TEST, name), _UNKNOWN)


def _read_metadata(root: Path, folder: PurePosixPath) -> Iterator[_Video]:
    where = root / folder / _METADATA
    table = read_json(where)
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise DataError("The metadata is no object of file names and their facts.", where=where)
    for name, row in table.items():
        path = folder / listed_path(name, where=where)
        label = _label(row.get("label"), where=f"{where}, {name}")
        original = row.get("original")
        if original is not None:
            original = str(listed_path(original, where=f"{where}, {name}"))
        yield _Video(path, label, original if label == FAKE else None)


def _unlisted(root: Path, folders: list[PurePosixPath], listed: set[PurePosixPath]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for name in files_in(root / folder, VIDEO_SUFFIXES):
            if folder / name not in listed:
                yield str(folder / name), "its list does not name it"


def _label(value: object, *, where: str) -> int:
    label = _LABELS.get(str(value).strip().upper())
    if label is None:
        raise DataError(
            f"The label is {value!r}.", where=where, next_step="Labels are REAL or FAKE, or 0 for real and 1 for fake."
        )
    return label
