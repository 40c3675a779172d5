"""What one file of a corpus really is: opened, its first picture decoded, its index held against its length."""

from __future__ import annotations

import tarfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from zoo.datasets.corpora.tree import IMAGE_SUFFIXES
from zoo.errors import MediaError
from zoo.media.decode import read_frames
from zoo.media.limits import DEFAULT_LIMITS
from zoo.media.probe import audio_stream, open_media, probe, video_stream

FRAMES: Final = 32
"""How many frames, evenly over the video, are decoded to measure speed."""

_MOST_IMAGE_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a file that can be used is. Values that its kind does not have are None.

    ``kind`` is ``video``, ``image`` or ``sequence`` (a folder of pictures in an archive). ``decode_s`` are the seconds
    that `FRAMES` frames, or the one picture, took to decode; None where it was not measured.
    """

    kind: str
    width: int
    height: int
    duration_s: float | None = None
    fps: float | None = None
    has_audio: bool | None = None
    decode_s: float | None = None


def inspect_file(payload: tuple[str, str | None, bool]) -> FileFacts:
    """The facts of one record's file; runs in a worker process.

    Args:
        payload: path, the folder inside the archive at this path or None, and whether to measure decoding.

    Raises:
        MediaError: the file cannot be used; ``status`` as in `zoo.media.probe.probe`, or ``no_video``, ``truncated``,
            ``bad_image``, ``bad_archive``.
    """
    path, member, timed = payload
    if member is not None:
        return _inspect_sequence(path, member)
    return _inspect_image(path) if Path(path).suffix.lower() in IMAGE_SUFFIXES else _inspect_video(path, timed)


def _inspect_video(path: str, timed: bool) -> FileFacts:
    info = probe(path)
    if not info.has_video or info.width is None or info.height is None:
        raise MediaError("The file holds no video.", where=path, status="no_video")
    _refuse_truncated(path)
    seconds = None
    if timed:
        begun = time.perf_counter()
        read_frames(path, count=FRAMES)
        seconds = time.perf_counter() - begun
    return FileFacts(
        kind="video",
        width=info.width,
        height=info.height,
        duration_s=info.duration_s,
        fps=info.fps,
        has_audio=info.has_audio,
        decode_s=seconds,
    )


def _refuse_truncated(path: str) -> None:
    """An index at the front of an MP4 or MOV file still lists what was cut off at its end."""
    with open_media(path, DEFAULT_LIMITS) as container:
        if "mov" not in container.format.name.split(","):
            return
        streams = [stream for stream in (video_stream(container), audio_stream(container)) if stream is not None]
        end = max((entry.pos + entry.size for stream in streams for entry in stream.index_entries), default=0)
        if end > container.size:
            raise MediaError(
                f"The index lists data up to byte {end:,}; the file ends at {container.size:,}.",
                where=path,
                next_step="Fetch it again.",
                status="truncated",
            )


def _inspect_image(path: str) -> FileFacts:
    try:
        size = Path(path).stat().st_size
        if size > _MOST_IMAGE_BYTES:
            raise MediaError(f"The picture has {size:,} bytes.", where=path, status="too_large")
        content = Path(path).read_bytes()
    except OSError as error:
        status = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
        raise MediaError(f"The picture cannot be read: {error.strerror}.", where=path, status=status) from error
    if not content:
        raise MediaError("The picture is empty.", where=path, status="empty_file")
    begun = time.perf_counter()
    height, width = _decode(content, path).shape[:2]
    return FileFacts(kind="image", width=width, height=height, decode_s=time.perf_counter() - begun)


def _inspect_sequence(path: str, member: str) -> FileFacts:
    """The first picture of a folder inside an archive, which is unpacked in memory up to there."""
    wanted = PurePosixPath(member)
    try:
        with tarfile.open(path, mode="r|gz") as archive:
            for entry in archive:
                name = PurePosixPath(entry.name)
                if name.parent == wanted and entry.isreg() and name.suffix.lower() in IMAGE_SUFFIXES:
                    if entry.size > _MOST_IMAGE_BYTES:
                        raise MediaError(f"{name} has {entry.size:,} bytes.", where=path, status="too_large")
                    file: Any = archive.extractfile(entry)
                    height, width = _decode(file.read(), f"{path}: {name}").shape[:2]
                    return FileFacts(kind="sequence", width=width, height=height)
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise MediaError(f"The archive cannot be read: {error}.", where=path, status="bad_archive") from error
    raise MediaError(f"The archive has no pictures in {member}.", where=path, status="missing")


def _decode(content: bytes, where: str) -> np.ndarray:
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except cv2.error as error:  # more pixels than OpenCV accepts
        raise MediaError(f"The picture cannot be decoded: {error.err}.", where=where, status="bad_image") from error
    if pixels is None:
        raise MediaError("The picture cannot be decoded.", where=where, status="bad_image")
    return pixels
