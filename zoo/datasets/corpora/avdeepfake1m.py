"""AV-Deepfake1M (Cai et al., 2024, arXiv:2311.15308): words of VoxCeleb2 clips forged in picture, sound or both."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from zoo.datasets.corpora.audio_visual import METHODS, positive
from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in, find_files, folders_in, listed_path, read_json
from zoo.datasets.segments import attributed, joined, read_segments
from zoo.errors import DataError
from zoo.structures import FAKE, REAL, Segment, VideoRecord

_LABELLED: Final = ("train", "val")
_HIDDEN: Final = "test"
_MODIFIED: Final = {
    "real": (False, False),
    "visual_modified": (True, False),
    "audio_modified": (False, True),
    "both_modified": (True, True),
}
_BY_NAME: Final = {method: modified for modified, method in METHODS.items()}
_FPS: Final = 25.0  # of every clip of VoxCeleb2
_NESTED: Final = (".", "AV-Deepfake1M", "AVDeepfake1M")
_UNLISTED: Final = "its list does not name it"


@dataclass(frozen=True, slots=True)
class _Video:
    """``path`` starts with the folder of the split; ``modified`` (picture, sound) is None where labels are hidden."""

    path: PurePosixPath
    modified: tuple[bool, bool] | None
    segments: tuple[Segment, ...] = ()
    original: PurePosixPath | None = None
    duration_s: float | None = None


class AVDeepfake1M(Corpus):
    """Reader of AV-Deepfake1M with its official splits.

    What is forged, and when, is read from ``{train,val}_metadata.json``, else from one file a clip below
    ``{train,val}_metadata/``, else what is told by the file name. Fake segments are mended as
    `zoo.datasets.segments.read_segments` says; one that only ``visual_fake_segments`` or only ``audio_fake_segments``
    has names that modality. Labels of ``test`` are hidden: they are -1.
    Identities are those of VoxCeleb2, under which FakeAVCeleb lists the same people.

    Args:
        max_skipped: the largest share of listed files that may be missing or unreadable.
    """

    name = "avdeepfake1m"
    looked_for = (
        "{train,val}_metadata.json or {train,val}_metadata/<id>/<video>/<clip>/*.json",
        "{train,val}/<id>/<video>/<clip>/{real,fake_video_fake_audio,...}.mp4",
    )

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            if any(
                (folder / split).is_dir()
                and (
                    (folder / f"{split}_metadata.json").is_file()
                    or (folder / f"{split}_metadata").is_dir()
                    or _holds_clips(folder / split)
                )
                for split in _LABELLED
            ):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        videos: dict[PurePosixPath, _Video] = {}
        repeated = 0
        skipped: dict[str, str] = {}
        excluded: dict[str, str] = {}
        for split in (*_LABELLED, _HIDDEN):
            found = find_files(root / split, VIDEO_SUFFIXES)
            skipped |= {f"{split}/{path}": reason for path, reason in found.skipped.items()}
            on_disk = [split / path for path in found.files]
            for video in _listed(root, split, on_disk):
                repeated += video.path in videos
                videos[video.path] = video
            excluded |= {str(path): _UNLISTED for path in on_disk if path not in videos}
        skipped |= {str(path): fault for path in videos if (fault := file_fault(root / path))}
        records = [self._record(root, video) for path, video in videos.items() if str(path) not in skipped]
        return CorpusScan(
            records=tuple(sorted(records, key=lambda record: record.video_id)),
            skipped=skipped,
            repeated=repeated,
            excluded=excluded,
        )

    def _record(self, root: Path, video: _Video) -> VideoRecord:
        split, *below = video.path.parts
        original = f"{self.name}/{video.original.with_suffix('')}" if video.original else None
        video_fake, audio_fake = video.modified or (None, None)
        return VideoRecord(
            video_id=f"{self.name}/{video.path.with_suffix('')}",
            path=str(root / video.path),
            corpus=self.name,
            split=split,
            label=-1 if video.modified is None else FAKE if any(video.modified) else REAL,
            method="unknown" if video.modified is None else METHODS[video.modified],
            identities=frozenset(below[:1]) if len(below) > 1 else frozenset(),
            source_videos=frozenset({original}) if original else frozenset(),
            fake_segments=video.segments,
            video_fake=video_fake,
            audio_fake=audio_fake,
            duration_s=video.duration_s,
            fps=_FPS if video.duration_s else None,
            original=original,
        )


def _holds_clips(folder: Path) -> bool:
    for _ in range(3):  # id, video, clip
        folder = next((folder / name for name in folders_in(folder)), folder / "none")
    return bool(_BY_NAME.keys() & {Path(name).stem for name in files_in(folder, VIDEO_SUFFIXES)})


def _listed(root: Path, split: str, on_disk: list[PurePosixPath]) -> Iterator[_Video]:
    table, folder = root / f"{split}_metadata.json", root / f"{split}_metadata"
    if split == _HIDDEN:
        yield from (_Video(path, None) for path in on_disk)
    elif table.is_file():
        rows = read_json(table)
        if not isinstance(rows, list):
            raise DataError("The metadata is no list of videos.", where=table)
        for number, row in enumerate(rows):
            yield _parse(row, split, where=f"{table}, entry {number}")
    elif folder.is_dir():
        for path in find_files(folder, {".json"}).files:
            row = read_json(folder / path)
            named = {"file": str(path.with_suffix(".mp4")), **row} if isinstance(row, dict) else row
            yield _parse(named, split, where=str(folder / path))
    else:
        for path in on_disk:
            if (modified := _BY_NAME.get(path.stem)) is not None:
                original = path.with_name("real.mp4") if any(modified) else None
                yield _Video(path, modified, original=original)


def _parse(row: Any, split: str, *, where: str) -> _Video:
    if not isinstance(row, dict):
        raise DataError("The entry is no object.", where=where)
    path = _below(split, row.get("file"), where)
    kind = str(row.get("modify_type", "")).replace("-", "_")
    if kind not in _MODIFIED:
        raise DataError(
            f"The entry has modify_type {row.get('modify_type')!r}.",
            where=where,
            next_step=f"It is one of {', '.join(_MODIFIED)}.",
        )
    original = row.get("original") if kind != "real" else None
    frames = positive(row.get("video_frames"))
    duration_s = frames / _FPS if frames else None
    return _Video(
        path=path,
        modified=_MODIFIED[kind],
        segments=_segments(row, _MODIFIED[kind], duration_s, where),
        original=_below(split, original, where) if original else None,
        duration_s=duration_s,
    )


def _segments(
    row: Mapping[str, Any], modified: tuple[bool, bool], duration_s: float | None, where: str
) -> tuple[Segment, ...]:
    """``fake_segments`` of a metadata entry, or where it has none those of picture and sound together."""
    lists = {
        name: None if row.get(name) is None else read_segments(row[name], where=where, duration_s=duration_s)
        for name in ("fake_segments", "visual_fake_segments", "audio_fake_segments")
    }
    every, video, audio = lists.values()
    seen, heard = (  # where the modalities are not told apart, what is forged is forged in all segments
        own if own is not None else (every or ()) if flag else ()
        for own, flag in zip((video, audio), modified, strict=True)
    )
    return attributed(joined((*seen, *heard)) if every is None else every, video=seen, audio=heard)


def _below(split: str, name: object, where: str) -> PurePosixPath:
    """A listed path, which may or may not start with the folder of its split."""
    path = listed_path(name, where=where)
    return path if path.parts[0] == split else split / path
