"""Opening a media file safely, and what it declares about itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from zoo.errors import MediaError
from zoo.media.limits import AUDIO_CODECS, DEFAULT_LIMITS, FORMATS, VIDEO_CODECS, Limits, open_options


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What a file declares. Times in seconds, ``width`` and ``height`` in pixels as shown, that is after rotation.

    ``fps`` is the average over the file, ``rotation`` the clockwise turn (0, 90, 180 or 270 degrees) that shows the
    coded picture upright, ``start_s`` the container's first timestamp, to which all other times are relative.
    ``frame_count`` is None where the container has no index. Values of a stream that is absent are None.
    """

    path: str
    format: str
    duration_s: float | None
    start_s: float
    file_bytes: int
    bit_rate: int | None
    has_video: bool
    has_audio: bool
    video_codec: str | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    rotation: int = 0
    frame_count: int | None = None
    pixel_format: str | None = None
    audio_codec: str | None = None
    audio_rate: int | None = None
    audio_channels: int | None = None


def probe(path: str | os.PathLike, *, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """What the file at ``path`` declares; a file without video is described, not refused.

    Raises:
        MediaError: with ``status`` ``missing``, ``unreadable``, ``empty_file``, ``not_media``, ``unsupported_codec``,
            ``too_large``, ``too_long``, ``too_many_frames`` or ``bad_fps``.
    """
    with open_media(path, limits) as container:
        video, audio = video_stream(container), audio_stream(container)
        if video is not None:
            check_video(video, path, limits)
        if audio is not None:
            check_codec(audio, AUDIO_CODECS, path)
        duration = None if container.duration is None else container.duration / av.time_base
        video_fields = {} if video is None else _video_fields(container, video, limits)
        audio_fields = {} if audio is None else _audio_fields(audio)
        return MediaInfo(
            path=os.fspath(path),
            format=container.format.name,
            duration_s=duration,
            start_s=float(start_of(container)),
            file_bytes=container.size,
            bit_rate=container.bit_rate or None,
            has_video=video is not None,
            has_audio=audio is not None,
            **video_fields,
            **audio_fields,
        )


@contextmanager
def open_media(path: str | os.PathLike, limits: Limits) -> Iterator[InputContainer]:
    """The opened container, once its file, format and duration are known to be within ``limits``.

    Raises:
        MediaError: as `probe`.
    """
    file = Path(path).absolute()  # never taken for a protocol or a URL
    try:
        if not file.is_file():
            what = "The media file is no regular file." if file.exists() else "The media file does not exist."
            raise MediaError(what, where=path, status="not_media" if file.exists() else "missing")
        size = file.stat().st_size
        if size == 0:
            raise MediaError("The media file is empty.", where=path, next_step="Fetch it again.", status="empty_file")
        if size > limits.max_file_bytes:
            raise beyond("too_large", f"The file has {size:,} bytes", limits.max_file_bytes, path)
        options = open_options(limits)
        container = av.open(str(file), container_options=options, options=options, metadata_errors="replace")
    except MediaError:
        raise
    except PermissionError as error:
        raise MediaError("The media file may not be read.", where=path, status="unreadable") from error
    except (av.FFmpegError, OSError, ValueError, RuntimeError) as error:
        raise MediaError(
            f"No readable audio or video file: {error}.",
            where=path,
            next_step=f"Accepted are files in the formats {', '.join(sorted(FORMATS))}; playlists are not.",
            status="not_media",
        ) from error
    with container:
        if container.duration is not None and container.duration / av.time_base > limits.max_duration_s:
            found = f"The file declares {container.duration / av.time_base:,.0f} s"
            raise beyond("too_long", found, limits.max_duration_s, path)
        yield container


def video_stream(container: InputContainer) -> VideoStream | None:
    """The first stream of moving pictures; cover art is none."""
    attached = av.stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & attached), None)


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The first stream of sound."""
    return next(iter(container.streams.audio), None)


def start_of(container: InputContainer) -> Fraction:
    """The container's first timestamp in seconds: the origin of all times, the same for pictures and sound."""
    return Fraction(container.start_time or 0, av.time_base)


def time_base_of(stream: VideoStream | AudioStream) -> Fraction:
    """Seconds a tick of the stream's timestamps."""
    return stream.time_base or Fraction(1, av.time_base)


def codec_name(stream: VideoStream | AudioStream) -> str:
    """The codec's name (``av1``), not the decoder's (``libdav1d``); ``unknown`` where there is no decoder."""
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def check_codec(stream: VideoStream | AudioStream, allowed: frozenset[str], path: object) -> None:
    """Refuse a stream whose codec is not in ``allowed``."""
    if (name := codec_name(stream)) not in allowed:
        raise MediaError(
            f"The {stream.type} codec {name} is not on the allow-list.",
            where=path,
            next_step=f"Convert the file to one of: {', '.join(sorted(allowed))}.",
            status="unsupported_codec",
        )


def check_video(stream: VideoStream, path: object, limits: Limits) -> None:
    """Refuse a video stream that declares more than ``limits`` allow, before anything of it is decoded."""
    check_codec(stream, VIDEO_CODECS, path)
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > limits.max_pixels:
        raise beyond("too_large", f"Pictures of {width} x {height} pixels", limits.max_pixels, path)
    if (rate := stream.average_rate) is not None and rate > limits.max_fps:
        raise beyond("bad_fps", f"{float(rate):,.0f} frames a second", limits.max_fps, path)
    if (count := listed_packets(stream)) > limits.max_frames:
        raise beyond("too_many_frames", f"The file lists {count:,} frames", limits.max_frames, path)


def listed_packets(stream: VideoStream | AudioStream) -> int:
    """How many packets the container lists for ``stream``; 0, or too few, where it has no index of all packets."""
    declared = stream.frames if stream.container.format.name == "avi" else 0  # elsewhere it ignores edit lists
    return max(len(stream.index_entries), declared)


def prepare_decoder(stream: VideoStream, limits: Limits, *, threads: int = 1) -> None:
    """Let the decoder itself refuse pictures beyond the limit, which a stream can begin with in its middle."""
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    stream.codec_context.thread_count = threads


def beyond(status: str, found: str, limit: float, path: object) -> MediaError:
    """The error for a file of which more than ``limit`` was ``found``."""
    return MediaError(
        f"{found}; the limit is {limit:,.0f}.",
        where=path,
        next_step="Raise the limit in zoo.media.limits.Limits if you trust the file.",
        status=status,
    )


def upright_turn(frame: av.VideoFrame) -> int:
    """Clockwise degrees (0, 90, 180, 270) by which the container's display matrix turns ``frame``."""
    return round(-frame.rotation / 90) * 90 % 360


def _video_fields(container: InputContainer, stream: VideoStream, limits: Limits) -> dict[str, Any]:
    width, height = stream.codec_context.width, stream.codec_context.height
    turn = 0
    prepare_decoder(stream, limits)
    with suppress(av.FFmpegError, StopIteration):  # a broken first picture is for decoding to report
        turn = upright_turn(next(container.decode(stream)))  # the matrix reaches us with decoded frames only
    if turn in (90, 270):
        width, height = height, width
    return {
        "video_codec": codec_name(stream),
        "fps": float(stream.average_rate) if stream.average_rate else None,
        "width": width,
        "height": height,
        "rotation": turn,
        "frame_count": stream.frames or None,
        "pixel_format": stream.codec_context.pix_fmt,
    }


def _audio_fields(stream: AudioStream) -> dict[str, Any]:
    context = stream.codec_context
    return {"audio_codec": codec_name(stream), "audio_rate": context.sample_rate, "audio_channels": context.channels}
