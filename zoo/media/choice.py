"""Which frames of a video are wanted, by presentation time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from zoo.media.limits import Limits
from zoo.media.probe import beyond
from zoo.media.schedule import Listing


class FrameChoice(Protocol):
    """A rule that picks frames of a video it knows the times of."""

    def positions(self, listing: Listing, limits: Limits) -> np.ndarray:
        """Positions in ``listing.pts`` of the frames wanted, int64 [n], one a request.

        Raises:
            MediaError: they are more than ``limits`` allow.
        """


@dataclass(frozen=True, slots=True)
class AllFrames:
    """Every frame."""

    def positions(self, listing: Listing, limits: Limits) -> np.ndarray:
        return np.arange(len(listing.pts))


@dataclass(frozen=True, slots=True)
class AtTimes:
    """The frames nearest to ``times`` in seconds."""

    times: Sequence[float] | np.ndarray

    def positions(self, listing: Listing, limits: Limits) -> np.ndarray:
        wanted = np.asarray(self.times, np.float64)
        if wanted.ndim != 1 or not np.isfinite(wanted).all():
            raise ValueError("times must be a flat sequence of finite seconds")
        return listing.nearest(wanted)


@dataclass(frozen=True, slots=True)
class EverySeconds:
    """One frame every ``step_s`` seconds, from the first to the last."""

    step_s: float

    def __post_init__(self) -> None:
        if not 0 < self.step_s < float("inf"):
            raise ValueError("the seconds between two frames must be positive and finite")

    def positions(self, listing: Listing, limits: Limits) -> np.ndarray:
        first, last = listing.span_s
        if (last - first) / self.step_s > limits.max_frames:
            raise beyond("too_many_frames", f"One frame every {self.step_s:g} s are too many", limits.max_frames, None)
        return listing.nearest(np.arange(first, last + 1e-6, self.step_s))


@dataclass(frozen=True, slots=True)
class Evenly:
    """``count`` frames, in the middle of as many equal parts of the duration; frames repeat in a shorter video."""

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("the number of frames must be at least 1")

    def positions(self, listing: Listing, limits: Limits) -> np.ndarray:
        first, last = listing.span_s
        parts = (np.arange(self.count) + 0.5) / self.count
        return listing.nearest(first + parts * (last + listing.step_s - first) - 0.5 * listing.step_s)


@dataclass(frozen=True, slots=True)
class Clips:
    """``count`` stretches of ``length`` consecutive frames around evenly spaced times; they never overlap.

    A video too short for all of them gives as many as fit, one too short for a single one gives every frame.
    """

    count: int
    length: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.length < 1:
            raise ValueError("the number of clips and their length must be at least 1")

    def positions(self, listing: Listing, limits: Limits) -> np.ndarray:
        frames = len(listing.pts)
        count = max(1, min(self.count, frames // self.length))
        middles = Evenly(count).positions(listing, limits)
        starts = (middles - self.length // 2).clip(0, max(frames - self.length, 0))
        for index in range(1, count):  # variable rates bunch frames: push on what would overlap
            starts[index] = max(starts[index], starts[index - 1] + self.length)
        starts = np.minimum(starts, frames - self.length * np.arange(count, 0, -1)).clip(0)
        return (starts[:, None] + np.arange(min(self.length, frames))).ravel()
