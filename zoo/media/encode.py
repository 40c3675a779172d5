"""Encoding of pictures and sound to a video file, to the same bytes every time."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Final, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.video.stream import VideoStream

from zoo.errors import MediaError
from zoo.files import atomic_write

_VARIABLE_TIME_BASE: Final = Fraction(1, 90_000)
_AUDIO_BLOCK: Final = 1024


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    *,
    fps: float | Fraction = 25,
    times: Iterable[float] | None = None,
    audio: np.ndarray | None = None,
    rate: int = 16_000,
    audio_start_s: float = 0.0,
    crf: int = 23,
    preset: str = "veryfast",
    gop: int = 250,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    audio_codec: str = "aac",
    audio_bit_rate: int = 64_000,
    container: str = "mp4",
) -> int:
    """Encode ``frames``, with ``audio`` if given, and put the file in place once it is whole.

    Equal input gives equal bytes with one version of FFmpeg: one thread, no encoder names, no clock. Frames are
    taken one at a time, so a generator of any length needs constant memory.

    Args:
        path: the file to write; its suffix does not matter.
        frames: uint8 [h, w, 3] RGB pictures, all of one size; even sides for chroma-subsampled formats.
        fps: frames a second.
        times: presentation times of the frames in seconds, strictly rising, in place of k / fps.
        audio: float32 [n] mono in [-1, 1].
        rate: samples a second of ``audio``.
        audio_start_s: when the audio begins, in seconds.
        crf: constant rate factor, 0 (best) to 51, for the encoders that have it.
        preset: speed preset, for the encoders that have it.
        gop: longest distance of two keyframes, in frames.
        codec: video encoder, as FFmpeg names it.
        pixel_format: what pictures are converted to before they are encoded.
        audio_codec: audio encoder, as FFmpeg names it.
        audio_bit_rate: bits a second of the encoded audio.
        container: file format, as FFmpeg names it.

    Returns:
        How many frames were written.

    Raises:
        MediaError: there is no frame, a frame or the audio has another shape or type than said, or the encoder
            refuses its settings.
        WorkDirError: the folder cannot be written or the disk is full; nothing is left behind.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise MediaError("A video needs at least one frame; none was given.", where=path, status="no_frames")
    height, width = np.shape(first)[:2]
    rational_fps = Fraction(fps).limit_denominator(1001)
    time_base = 1 / rational_fps if times is None else _VARIABLE_TIME_BASE
    clock = (k / rational_fps for k in itertools.count()) if times is None else iter(times)
    pictures = zip(clock, itertools.chain([first], frames), strict=False)
    settings = f"{width} x {height} {pixel_format} pictures with {codec} into {container}"
    count = 0
    with atomic_write(path) as file:
        with _refusal(ValueError, settings, path):
            output = av.open(file, "w", format=container, container_options={"fflags": "+bitexact"})
            options = {"crf": str(crf), "preset": preset, "g": str(gop)}
            video = cast(VideoStream, output.add_stream(codec, rate=rational_fps, options=options))
            video.width, video.height, video.pix_fmt = width, height, pixel_format
            video.codec_context.time_base = time_base
            video.codec_context.thread_count = 1
            video.codec_context.flags |= Flags.bitexact
            streams: list[VideoStream | AudioStream] = [video]
            sources = [_video_frames(video, pictures, time_base, path)]
            if audio is not None:
                sound = cast(AudioStream, output.add_stream(audio_codec, rate=rate, layout="mono"))
                sound.bit_rate = audio_bit_rate
                sound.codec_context.flags |= Flags.bitexact
                streams.append(sound)
                sources.append(_audio_frames(sound, audio, rate, audio_start_s, path))
        with _refusal(av.FFmpegError, settings, path), output:
            for _, stream, frame in heapq.merge(*sources, key=lambda item: item[0]):
                output.mux(stream.encode(frame))
                count += stream is video
            for stream in streams:
                output.mux(stream.encode(None))
    return count


@contextmanager
def _refusal(kind: type[Exception], settings: str, path: object) -> Iterator[None]:
    """Turn what FFmpeg says, in errors of ``kind``, into an error that names the settings."""
    try:
        yield
    except kind as error:
        raise MediaError(
            f"Cannot encode {settings}: {error}.",
            where=path,
            next_step="Choose an encoder, pixel format and container that fit together; yuv420p needs even sides.",
            status="encode_error",
        ) from error


def _video_frames(stream: VideoStream, pictures: Iterable[tuple], time_base: Fraction, path: object) -> Iterator[tuple]:
    """(seconds, stream, frame) of every picture; shapes are checked here, where a picture's number is known."""
    before = 0.0
    for number, (time, picture) in enumerate(pictures):
        picture = np.asarray(picture)
        if picture.dtype != np.uint8 or picture.shape != (stream.height, stream.width, 3):
            raise MediaError(
                f"Frame {number} is {picture.dtype} {list(picture.shape)}; "
                f"uint8 {[stream.height, stream.width, 3]} was expected.",
                where=path,
                next_step="Give RGB pictures of one size.",
                status="encode_error",
            )
        if number and time <= before:
            raise MediaError(
                f"Frame {number} is at {time:g} s and the one before it at {before:g} s.",
                where=path,
                next_step="Give strictly rising times.",
                status="encode_error",
            )
        before = time
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = round(time / time_base), time_base
        yield float(time), stream, frame


def _audio_frames(stream: AudioStream, audio: np.ndarray, rate: int, start_s: float, path: object) -> Iterator[tuple]:
    """(seconds, stream, frame) of every block of samples."""
    if audio.ndim != 1 or audio.dtype.kind != "f" or not np.isfinite(audio).all():
        raise MediaError(
            f"The audio is {audio.dtype} {list(audio.shape)}; finite float32 [n] was expected.",
            where=path,
            next_step="Give mono samples in [-1, 1].",
            status="encode_error",
        )
    samples = audio.astype(np.float32, copy=False)
    offset = round(start_s * rate)
    for begin in range(0, len(samples), _AUDIO_BLOCK):
        block = np.ascontiguousarray(samples[None, begin : begin + _AUDIO_BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, offset + begin, Fraction(1, rate)
        yield (offset + begin) / rate, stream, frame
