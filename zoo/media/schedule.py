"""Which frames a video lists, which of them are wanted, and which groups of pictures must be decoded for them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, overload

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from zoo.errors import MediaError
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import Limits
from zoo.media.packets import read_whole
from zoo.media.probe import beyond, codec_name, listed_packets, start_of, time_base_of

_SEEK_COST: Final = 6
"""What a seek costs, in decoded frames: refilling the decoder's delay and flushing its buffers."""

_VARIABLE_SHARE: Final = 0.1
_SHOWN_SHARE: Final = 0.5
"""An edit list that shows less than this share of the frames is taken for damage, not for a trim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The frames that a demuxed video holds, in presentation order, without one of them decoded.

    ``pts`` int64 [n] strictly rising; ``keys`` int64 [k] are positions of keyframes in ``pts`` and ``key_times`` what
    to seek to; ``holes`` are (start, end) in ``pts`` units where the packets' own durations leave frames out;
    ``lost`` is how many frames the index lists beyond those that were found.
    """

    pts: np.ndarray
    keys: np.ndarray
    key_times: np.ndarray
    holes: tuple[tuple[int, int], ...]
    lost: int
    time_base: Fraction
    start: Fraction

    @overload
    def seconds(self, pts: int) -> float: ...
    @overload
    def seconds(self, pts: np.ndarray) -> np.ndarray: ...
    def seconds(self, pts):
        """Seconds since the container's first timestamp."""
        return pts * float(self.time_base) - float(self.start)

    @property
    def step_s(self) -> float:
        """The usual distance of two frames in seconds; 0 for a single frame."""
        return float(np.median(np.diff(self.pts))) * float(self.time_base) if len(self.pts) > 1 else 0.0

    @property
    def span_s(self) -> tuple[float, float]:
        """Times of the first and of the last frame in seconds."""
        return self.seconds(int(self.pts[0])), self.seconds(int(self.pts[-1]))

    def nearest(self, times: np.ndarray) -> np.ndarray:
        """Positions in ``pts``, int64 [n], of the frames nearest to ``times`` (seconds, float64 [n])."""
        ticks = (times + float(self.start)) / float(self.time_base)
        after = np.searchsorted(self.pts, ticks).clip(1, max(len(self.pts) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(self.pts) - 1)
        return np.where(ticks - self.pts[before] <= self.pts[after] - ticks, before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A stretch to decode in one go: ``first`` to ``last`` in ``pts`` units, after a seek to ``seek_to`` if given."""

    first: int
    last: int
    seek_to: int | None = None


def list_frames(container: InputContainer, stream: VideoStream, limits: Limits, ledger: DecodeLedger) -> Listing:
    """Demux the whole stream, without decoding.

    Raises:
        MediaError: ``too_many_frames``; ``decode_error`` if there is not one frame.
    """
    listed = listed_packets(stream)
    times: list[tuple[int, int, bool]] = []
    holes: list[tuple[int, int]] = []
    found, previous_end = 0, None
    invisible = codec_name(stream) == "vp8"
    by_pts = container.format.name.startswith("mov")
    for packet in read_whole(container, stream, ledger):
        found += 1
        if found > limits.max_frames:
            raise beyond("too_many_frames", "The file holds more frames", limits.max_frames, container.name)
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None or not packet.size or packet.is_discard or (invisible and not memoryview(packet)[0] & 0x10):
            continue
        # MP4 is sought by presentation time: FFmpeg goes back one keyframe more from a time before the picture's own
        seek_to = pts if by_pts or packet.dts is None else min(packet.dts, pts)
        times.append((pts, seek_to, packet.is_keyframe))
        if packet.dts is not None and packet.duration:
            if previous_end is not None and packet.dts > previous_end + packet.duration // 2:
                holes.append((previous_end, packet.dts))
            previous_end = packet.dts + packet.duration
    if len(holes) > max(3, _VARIABLE_SHARE * len(times)):
        holes = []  # the frame rate varies, and the declared durations mean nothing
    if not times:
        raise MediaError("The video stream holds no frame.", where=container.name, status="decode_error")
    stored = stream.frames if container.format.name.startswith("mov") else 0
    if len(times) < _SHOWN_SHARE * stored:  # damage in an edit list hides frames without any error
        ledger.note(f"the file shows only {len(times)} of the {stored} frames that it holds")
    rows = np.array(sorted(set(times)), np.int64)
    rows = rows[np.unique(rows[:, 0], return_index=True)[1]]
    keys = np.flatnonzero(rows[:, 2])
    listing = Listing(
        pts=rows[:, 0],
        keys=keys,
        key_times=rows[keys, 1],
        holes=tuple(holes),
        lost=max(0, listed - found),
        time_base=time_base_of(stream),
        start=start_of(container),
    )
    if (span := float((listing.pts[-1] - listing.pts[0]) * listing.time_base)) > limits.max_duration_s:
        raise beyond("too_long", f"The pictures span {span:,.0f} s", limits.max_duration_s, container.name)
    return listing


def whole(listing: Listing) -> Group:
    """The group of all frames, without a seek."""
    return Group(first=int(listing.pts[0]), last=int(listing.pts[-1]))


def plan_groups(listing: Listing, wanted: np.ndarray) -> list[Group]:
    """The stretches to decode for the frames at positions ``wanted``: one a group of pictures that holds any, or one
    from the first frame to the last wanted one, whichever decodes less.
    """
    targets = np.unique(wanted)
    straight = Group(first=int(listing.pts[0]), last=int(listing.pts[targets[-1]]))
    if not len(listing.keys) or targets[0] < listing.keys[0]:
        return [straight]
    owner = np.searchsorted(listing.keys, targets, side="right") - 1
    ends = np.flatnonzero(np.append(np.diff(owner), 1))
    begins, lasts = listing.keys[owner[ends]], targets[ends]
    if (lasts - begins + 1 + _SEEK_COST).sum() >= lasts[-1] + 1:
        return [straight]
    return [
        Group(first=int(listing.pts[begin]), last=int(listing.pts[last]), seek_to=int(listing.key_times[key]))
        for begin, last, key in zip(begins, lasts, owner[ends], strict=True)
    ]
