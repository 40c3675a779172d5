"""LAV-DF (Cai et al., 2022, arXiv:2204.06228): single words of celebrities forged in picture, sound or both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from zoo.datasets.corpora.audio_visual import METHODS, positive
from zoo.datasets.corpora.base import Corpus, CorpusScan, file_fault
from zoo.datasets.corpora.tree import VIDEO_SUFFIXES, files_in, folder_split, listed_path, read_json
from zoo.datasets.segments import read_segments
from zoo.errors import DataError
from zoo.structures import FAKE, REAL, Segment, VideoRecord

_LISTS: Final = ("metadata.json", "metadata.min.json")
_FOLDERS: Final = ("train", "dev", "test")
_NESTED: Final = (".", "LAV-DF", "LAVDF", "lavdf")


@dataclass(frozen=True, slots=True)
class _Video:
    path: PurePosixPath
    split: str
    video_fake: bool
    audio_fake: bool
    segments: tuple[Segment, ...]
    original: PurePosixPath | None
    duration_s: float | None
    frames: float | None
    has_audio: bool | None


class LAVDF(Corpus):
    """Reader of LAV-DF with its official splits; ``dev`` is ``val``.

    Fake segments are mended as `zoo.datasets.segments.read_segments` says, and name the modality where one is forged.

    Args:
        max_skipped: the largest share of listed files that may be missing or unreadable.
    """

    name = "lavdf"
    looked_for = ("metadata.json or metadata.min.json", "{train,dev,test}/000001.mp4")

    @classmethod
    def recognise(cls, root: str | os.PathLike) -> Path | None:
        for nested in _NESTED:
            folder = Path(root) / nested
            listed = any((folder / name).is_file() for name in _LISTS)
            if listed and any(files_in(folder / split, VIDEO_SUFFIXES) for split in _FOLDERS):
                return folder
        return None

    def _scan(self, root: Path) -> CorpusScan:
        table = next(root / name for name in _LISTS if (root / name).is_file())
        videos: dict[PurePosixPath, _Video] = {}
        repeated = 0
        for video in _read_table(table):
            repeated += video.path in videos
            videos[video.path] = video
        faults = {str(path): fault for path in videos if (fault := file_fault(root / path))}
        on_disk = (
            PurePosixPath(folder, name) for folder in _FOLDERS for name in files_in(root / folder, VIDEO_SUFFIXES)
        )
        records = [self._record(root, video) for path, video in videos.items() if str(path) not in faults]
        return CorpusScan(
            records=tuple(sorted(records, key=lambda record: record.video_id)),
            skipped=faults,
            repeated=repeated,
            excluded={str(path): "its list does not name it" for path in on_disk if path not in videos},
        )

    def _record(self, root: Path, video: _Video) -> VideoRecord:
        original = f"{self.name}/{video.original.with_suffix('')}" if video.original else None
        return VideoRecord(
            video_id=f"{self.name}/{video.path.with_suffix('')}",
            path=str(root / video.path),
            corpus=self.name,
            split=video.split,
            label=FAKE if video.video_fake or video.audio_fake else REAL,
            method=METHODS[video.video_fake, video.audio_fake],
            source_videos=frozenset({original}) if original else frozenset(),
            fake_segments=video.segments,
            video_fake=video.video_fake,
            audio_fake=video.audio_fake,
            duration_s=video.duration_s,
            fps=video.frames / video.duration_s if video.frames and video.duration_s else None,
            has_audio=video.has_audio,
            original=original,
        )


def _read_table(path: Path) -> Iterator[_Video]:
    rows = read_json(path)
    if not isinstance(rows, list):
        raise DataError("The metadata is no list of videos.", where=path)
    for number, row in enumerate(rows):
        yield _parse(row, where=f"{path}, entry {number}")


def _parse(row: Any, *, where: str) -> _Video:
    if not isinstance(row, dict):
        raise DataError("The entry is no object.", where=where)
    path = listed_path(row.get("file"), where=where)
    split = folder_split(str(row.get("split") or path.parts[0]))
    video_fake, audio_fake = row.get("modify_video"), row.get("modify_audio")
    if split is None or not isinstance(video_fake, bool) or not isinstance(audio_fake, bool):
        raise DataError(
            f"The entry has the split {row.get('split')!r}, modify_video {video_fake!r}, modify_audio {audio_fake!r}.",
            where=where,
            next_step="Use the metadata as downloaded.",
        )
    duration_s = positive(row.get("duration"))
    segments = read_segments(row.get("fake_periods"), where=where, duration_s=duration_s)
    if segments and not (video_fake or audio_fake):
        raise DataError("The entry has forged stretches and no forged modality.", where=where)
    forged: Literal["video", "audio"] = "video" if video_fake else "audio"
    original = row.get("original") if video_fake or audio_fake else None
    channels = row.get("audio_channels", row.get("audio_frames"))
    return _Video(
        path=path,
        split=split,
        video_fake=video_fake,
        audio_fake=audio_fake,
        segments=segments if video_fake == audio_fake else tuple(replace(each, modality=forged) for each in segments),
        original=listed_path(original, where=where) if original else None,
        duration_s=duration_s,
        frames=positive(row.get("video_frames")),
        has_audio=None if channels is None else positive(channels) is not None,
    )
