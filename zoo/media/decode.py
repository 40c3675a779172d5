"""Decoding of video by presentation time, in bounded memory and with a ledger of what was lost.

Times are seconds from the container's presentation timestamps, relative to the container's first timestamp. The same
origin holds for sound (`zoo.media.audio`), so pictures and sound of one time belong together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from zoo.errors import MediaError
from zoo.media.choice import AllFrames, AtTimes, Evenly, EverySeconds, FrameChoice
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.media.packets import decode_frames
from zoo.media.probe import beyond, check_video, open_media, prepare_decoder, upright_turn, video_stream
from zoo.media.schedule import Group, Listing, list_frames, plan_groups, whole


@dataclass(frozen=True, slots=True)
class VideoFrames:
    """Chosen frames: ``frames`` uint8 [n, h, w, 3] RGB, their own ``times`` float64 [n] in seconds, and the ledger."""

    frames: np.ndarray
    times: np.ndarray
    ledger: DecodeLedger


def iter_frames(
    path: str | os.PathLike,
    *,
    choice: FrameChoice | None = None,
    limits: Limits = DEFAULT_LIMITS,
    ledger: DecodeLedger | None = None,
    threads: int = 1,
) -> Iterator[tuple[float, np.ndarray]]:
    """Frames of a video in presentation order, upright; one is held at a time.

    Of a choice, a frame that cannot be decoded is replaced by the nearest one that can, unless that one came already.

    Args:
        path: the video file.
        choice: which frames; every one by default. Where it pays, only the groups of pictures that hold one are
            decoded, and only what is chosen is converted.
        limits: caps on the file.
        ledger: filled while the frames are taken; complete once the iterator is exhausted.
        threads: decoding threads.

    Yields:
        (time_s, rgb): seconds, and uint8 [h, w, 3].

    Raises:
        MediaError: the file cannot be opened, breaks a limit, has no video (status ``no_video``), or not one of its
            frames can be decoded (``decode_error``).
    """
    ledger = DecodeLedger() if ledger is None else ledger
    with _open_video(path, limits, ledger, threads) as video:
        if choice is None:
            for pts, frame in video.decode(whole(video.listing)):
                yield video.listing.seconds(pts), upright_rgb(frame)
        else:
            latest = None
            for _, pts, frame in video.decode_chosen(choice.positions(video.listing, limits)):
                if latest is None or pts > latest:
                    yield video.listing.seconds(pts), upright_rgb(frame)
                    latest = pts
    _require_some(ledger, path)


def read_frames(
    path: str | os.PathLike,
    *,
    times: Sequence[float] | np.ndarray | None = None,
    every_s: float | None = None,
    count: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
) -> VideoFrames:
    """Chosen frames of a video: the nearest to each of ``times``, one every ``every_s``, ``count`` evenly, or all.

    Only chosen frames are converted, and where it pays only the groups of pictures that hold one are decoded.
    A chosen frame that cannot be decoded is replaced by the nearest one that can, under that one's own time, and the
    ledger says so: row i always answers request i. When all are asked for, frames that cannot be decoded are absent.

    Args:
        path: the video file.
        times: seconds; each gives the frame whose presentation time is nearest.
        every_s: seconds between requested times, from the first frame to the last.
        count: number of requested times, in the middle of ``count`` equal parts of the duration.
        limits: caps on the file; the frames kept must fit ``max_kept_bytes``.
        threads: decoding threads.

    Raises:
        MediaError: as `iter_frames`; ``too_large`` if the chosen frames do not fit the limit.
    """
    choice = _choice(times, every_s, count)
    everything = isinstance(choice, AllFrames)
    ledger = DecodeLedger()
    with _open_video(path, limits, ledger, threads) as video:
        listing = video.listing
        wanted = choice.positions(listing, limits)
        rows = _Rows(wanted, limits, path)
        for target, pts, frame in video.decode_chosen(wanted):
            if not everything or pts == listing.pts[target]:
                rows.put(target, pts, frame, ledger)
    if len(wanted):
        _require_some(ledger, path)
    frames, pts_of_rows = rows.present() if everything else rows.filled()
    return VideoFrames(frames, listing.seconds(pts_of_rows), ledger)


def _choice(
    times: Sequence[float] | np.ndarray | None, every_s: float | None, count: int | None
) -> AllFrames | AtTimes | EverySeconds | Evenly:
    if sum(wish is not None for wish in (times, every_s, count)) > 1:
        raise ValueError("give at most one of times, every_s and count")
    if times is not None:
        return AtTimes(times)
    if every_s is not None:
        return EverySeconds(every_s)
    return AllFrames() if count is None else Evenly(count)


@dataclass(frozen=True, slots=True)
class _Video:
    container: InputContainer
    stream: VideoStream
    listing: Listing
    limits: Limits
    ledger: DecodeLedger

    def decode(self, group: Group) -> Iterator[tuple[int, av.VideoFrame]]:
        """(pts, frame) of ``group`` in rising order; the ledger learns what was expected, came, and is missing."""
        listing, ledger = self.listing, self.ledger
        expected = listing.pts[(listing.pts >= group.first) & (listing.pts <= group.last)]
        ledger.expected_frames += len(expected)
        came: list[int] = []
        if group.seek_to is not None:
            try:
                self.container.seek(group.seek_to, stream=self.stream)
            except av.FFmpegError as error:  # go on from here: frames before the group are passed over
                ledger.note(f"seeking: {error}")
        for frame in decode_frames(self.container, self.stream, ledger):
            pts = frame.pts if frame.pts is not None else frame.dts
            if pts is None:
                ledger.note("decoding video: a frame without a time")
                continue
            if pts < group.first:
                continue
            if came and pts <= came[-1]:
                ledger.note(f"decoding video: time runs backwards at {listing.seconds(pts):.3f} s")
                continue
            if frame.width * frame.height > self.limits.max_pixels:
                raise beyond("too_large", f"A frame of {frame.width} x {frame.height}", self.limits.max_pixels, None)
            came.append(pts)
            ledger.decoded_frames += 1
            ledger.damaged_frames += frame.is_corrupt
            yield pts, frame
            if pts >= group.last:
                break
        self._note_gaps(group, expected, np.array(came, np.int64))

    def decode_chosen(self, wanted: np.ndarray) -> Iterator[tuple[int, int, av.VideoFrame]]:
        """(position wanted, pts, frame nearest to it) for the distinct positions ``wanted``, in rising order."""
        if not len(wanted):
            return
        listing, distinct = self.listing, np.unique(wanted)
        for group in plan_groups(listing, distinct):
            inside = (listing.pts[distinct] >= group.first) & (listing.pts[distinct] <= group.last)
            targets = distinct[inside]
            for index, pts, frame in _nearest(listing.pts[targets], self.decode(group)):
                yield int(targets[index]), pts, frame

    def _note_gaps(self, group: Group, expected: np.ndarray, came: np.ndarray) -> None:
        listing = self.listing
        missing = np.flatnonzero(~np.isin(expected, came))
        runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1) if len(missing) else []
        gaps = [(int(expected[run[0]]), int(expected[run[-1]])) for run in runs]
        gaps += [hole for hole in listing.holes if hole[0] <= group.last and hole[1] >= group.first]
        self.ledger.gaps += [(float(listing.seconds(a)), float(listing.seconds(b))) for a, b in gaps]


@contextmanager
def _open_video(path: str | os.PathLike, limits: Limits, ledger: DecodeLedger, threads: int) -> Iterator[_Video]:
    with open_media(path, limits) as container:
        listing = list_frames(container, _require_video(container, path, limits), limits, ledger)
    ledger.expected_frames += listing.lost
    with open_media(path, limits) as container:  # anew: seeking back to the start is not reliable in every format
        stream = _require_video(container, path, limits)
        prepare_decoder(stream, limits, threads=threads)
        yield _Video(container, stream, listing, limits, ledger)


def _require_video(container: InputContainer, path: object, limits: Limits) -> VideoStream:
    stream = video_stream(container)
    if stream is None:
        raise MediaError("The file has no video stream.", where=path, status="no_video")
    check_video(stream, path, limits)
    return stream


def _require_some(ledger: DecodeLedger, path: object) -> None:
    if ledger.decoded_frames == 0:
        raise MediaError(
            f"Not one frame could be decoded: {ledger.summary()}.",
            where=path,
            next_step="Fetch or convert the file again.",
            status="decode_error",
        )


def upright_rgb(frame: av.VideoFrame) -> np.ndarray:
    """uint8 [h, w, 3] RGB of a decoded frame, turned as its display matrix says."""
    try:
        picture = frame.to_ndarray(format="rgb24", threads=1)  # a pool of threads a frame costs more than it gives
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(f"Pictures in {frame.format.name} cannot be converted to RGB: {error}.") from error
    return np.ascontiguousarray(np.rot90(picture, -upright_turn(frame) // 90))


def _nearest(
    targets: np.ndarray, frames: Iterator[tuple[int, av.VideoFrame]]
) -> Iterator[tuple[int, int, av.VideoFrame]]:
    """(index into ``targets``, pts, frame) with the frame nearest to each of the rising ``targets``."""
    index = 0
    before: tuple[int, av.VideoFrame] | None = None
    for now in frames:
        while index < len(targets) and targets[index] <= now[0]:
            nearer = before if before and targets[index] - before[0] < now[0] - targets[index] else now
            yield index, *nearer
            index += 1
        before = now
    while before and index < len(targets):
        yield index, *before
        index += 1


class _Rows:
    """The array that chosen frames go to; made when the first one tells its size."""

    def __init__(self, wanted: np.ndarray, limits: Limits, path: object):
        self.wanted, self.limits, self.path = wanted, limits, path
        self.frames = np.empty((0, 0, 0, 3), np.uint8)
        self.pts = np.zeros(len(wanted), np.int64)
        self.have = np.zeros(len(wanted), bool)

    def put(self, target: int, pts: int, frame: av.VideoFrame, ledger: DecodeLedger) -> None:
        """Convert ``frame`` into all rows that ask for the frame at position ``target``."""
        rows = np.flatnonzero(self.wanted == target)
        if not self.have.any():
            needed = len(self.wanted) * frame.width * frame.height * 3
            if needed > self.limits.max_kept_bytes:
                raise beyond("too_large", f"The frames need {needed:,} bytes", self.limits.max_kept_bytes, self.path)
        picture = upright_rgb(frame)
        if not self.have.any():
            self.frames = np.empty((len(self.wanted), *picture.shape), np.uint8)
        if picture.shape != self.frames.shape[1:]:
            ledger.note(f"decoding video: the picture size changes to {picture.shape[1]} x {picture.shape[0]}")
            return
        self.frames[rows], self.pts[rows], self.have[rows] = picture, pts, True

    def present(self) -> tuple[np.ndarray, np.ndarray]:
        """Frames and pts of the rows that got a frame."""
        return (self.frames, self.pts) if self.have.all() else (self.frames[self.have], self.pts[self.have])

    def filled(self) -> tuple[np.ndarray, np.ndarray]:
        """Frames and pts of all rows; one that got nothing is copied from the nearest request that got a frame."""
        have = np.flatnonzero(self.have)
        for row in np.flatnonzero(~self.have):
            donor = have[np.abs(self.wanted[have] - self.wanted[row]).argmin()]
            self.frames[row], self.pts[row] = self.frames[donor], self.pts[donor]
        return self.frames, self.pts
