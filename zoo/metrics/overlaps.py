"""Stretches of time in many videos at once: which of two kinds overlap, and who gets whom when each is taken once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import DataError

_PAIRS_AT_ONCE = 1 << 20  # bounds the memory of a search to some 50 MB


@dataclass(frozen=True, slots=True)
class Spans:
    """``n`` stretches of time in videos that are numbered from 0.

    Attributes:
        video: int64 [n].
        start_s, end_s: float64 [n], seconds.
        score: float64 [n] in [0, 1].
    """

    video: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    score: NDArray[np.float64]

    @classmethod
    def of(cls, video: ArrayLike, start_s: ArrayLike, end_s: ArrayLike, score: ArrayLike | None = None) -> Spans:
        """Checked columns; without ``score`` all have 1.

        Raises:
            DataError: columns of different lengths, a negative number of a video, a time that is not finite, a stretch
                that does not end after it starts, or a score outside [0, 1].
        """
        start, end = np.array(start_s, np.float64, ndmin=1), np.array(end_s, np.float64, ndmin=1)
        score = np.ones(len(start)) if score is None else np.array(score, np.float64, ndmin=1)
        videos = np.array(video, np.int64, ndmin=1)
        if not len(videos) == len(start) == len(end) == len(score):
            raise DataError(
                f"Columns of segments differ in length: {len(videos)}, {len(start)}, {len(end)} and {len(score)}."
            )
        if len(videos) and videos.min() < 0:
            raise DataError(f"A segment belongs to video {videos.min()}; videos are numbered from 0.")
        wrong = np.flatnonzero(~(np.isfinite(start) & np.isfinite(end) & (start < end)))
        if len(wrong):
            raise DataError(
                f"{len(wrong)} segments do not end after they start; the first is {start[wrong[0]]} to "
                f"{end[wrong[0]]} s in video {videos[wrong[0]]}."
            )
        outside = np.flatnonzero(~((score >= 0) & (score <= 1)))
        if len(outside):
            raise DataError(f"{len(outside)} segments have a score outside [0, 1]; the first is {score[outside[0]]}.")
        return cls(videos, start, end, score)

    def __len__(self) -> int:
        return len(self.video)

    def take(self, which: NDArray) -> Spans:
        """Those at ``which``: indices, or a mask."""
        return Spans(self.video[which], self.start_s[which], self.end_s[which], self.score[which])

    def joined(self) -> Spans:
        """The same time without overlaps: stretches of a video that overlap become one, with their highest score.

        Those that only touch stay apart. The result is in order of video and time.
        """
        spans = self.take(np.lexsort((self.end_s, self.start_s, self.video)))
        if not len(spans):
            return spans
        reach = np.empty(len(spans))  # where the stretches of this video up to each one end
        firsts = np.flatnonzero(np.diff(spans.video, prepend=-1))
        for first, stop in zip(firsts, np.append(firsts[1:], len(spans)), strict=True):
            reach[first:stop] = np.maximum.accumulate(spans.end_s[first:stop])
        new = np.ones(len(spans), bool)
        new[1:] = (np.diff(spans.video) != 0) | (spans.start_s[1:] >= reach[:-1])
        begins = np.flatnonzero(new)
        return Spans(
            spans.video[begins],
            spans.start_s[begins],
            np.maximum.reduceat(spans.end_s, begins),
            np.maximum.reduceat(spans.score, begins),
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """``k`` pairs of a proposal and a truth of one video that overlap, in order of proposal and truth.

    Attributes:
        proposal, truth: int64 [k], rows of the two.
        iou: [k] in (0, 1], their temporal intersection over union.
    """

    proposal: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: NDArray[np.floating]

    def take(self, which: NDArray) -> Pairs:
        return Pairs(self.proposal[which], self.truth[which], self.iou[which])


def overlapping(proposals: Spans, truths: Spans, *, least: float, single: bool = False) -> Pairs:
    """Pairs of one video whose intersection over union is at least ``least``.

    Args:
        proposals, truths: each in order of video.
        least: above 0.
        single: reckon in single precision.
    """
    bounds = [array.astype(np.float32 if single else np.float64, copy=False) for array in _bounds(proposals, truths)]
    found = [_overlapping(proposals, truths, bounds, part, least) for part in _parts(proposals, truths)]
    if not found:
        none = np.empty(0, np.int64)
        return Pairs(none, none, np.empty(0))
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def best_of_pairs(pairs: Pairs, truths: int) -> NDArray:
    """For each of so many ``truths`` its largest intersection over union among ``pairs``; 0 where there is none."""
    best = np.zeros(truths, pairs.iou.dtype)
    np.maximum.at(best, pairs.truth, pairs.iou)
    return best


def places_in_video(video: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each row among those of its video, from 0; ``video`` is rising."""
    new = np.flatnonzero(np.diff(video, prepend=-1))
    return np.arange(len(video)) - np.repeat(new, np.diff(new, append=len(video)))


def first_come(chooser: NDArray[np.int64], option: NDArray[np.int64]) -> NDArray[np.int64]:
    """Let choosers, in order, each take its first option that is still free; returns the pairs that come about.

    Computed without a loop over choosers: all ask for their first option at once, each option keeps the first of those
    that ask, and who was turned away asks for its next, until nobody is. Since all options prefer the earlier chooser,
    this ends where taking turns does.

    Args:
        chooser: [k], rising: pairs of a chooser lie together, the option that it likes best first.
        option: [k].

    Returns:
        Indices [m] of pairs, in which no chooser and no option occurs twice.
    """
    open_pairs = np.ones(len(chooser), bool)
    first_of = np.empty(int(option.max()) + 1 if len(option) else 0, np.int64)
    while True:
        left = np.flatnonzero(open_pairs)
        asked = left[np.flatnonzero(np.diff(chooser[left], prepend=-1))]
        turns, wanted = np.arange(len(asked)), option[asked]
        first_of[wanted[::-1]] = turns[::-1]  # of equal indices numpy keeps the last, here the first that asks
        refused = first_of[wanted] != turns
        if not refused.any():
            return asked
        open_pairs[asked[refused]] = False


def _bounds(proposals: Spans, truths: Spans) -> tuple[NDArray, ...]:
    return proposals.start_s, proposals.end_s, truths.start_s, truths.end_s


def _parts(proposals: Spans, truths: Spans) -> Iterator[tuple[int, int]]:
    """Ranges of proposals with a bounded number of pairs each."""
    reach = np.cumsum(_counts(proposals, truths)[1])
    start = done = 0
    while start < len(proposals):
        stop = max(int(np.searchsorted(reach, done + _PAIRS_AT_ONCE, side="right")), start + 1)
        yield start, stop
        start, done = stop, int(reach[stop - 1])


def _counts(proposals: Spans, truths: Spans) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each proposal the first truth of its video, and how many there are."""
    first = np.searchsorted(truths.video, proposals.video, side="left")
    return first, np.searchsorted(truths.video, proposals.video, side="right") - first


def _overlapping(
    proposals: Spans, truths: Spans, bounds: list[NDArray], part: tuple[int, int], least: float
) -> tuple[NDArray, NDArray, NDArray]:
    rows = np.arange(*part)
    first, count = _counts(proposals.take(rows), truths)
    proposal = np.repeat(rows, count)
    truth = np.arange(len(proposal)) + np.repeat(first - (np.cumsum(count) - count), count)
    start, end, true_start, true_end = bounds
    a, b, c, d = start[proposal], end[proposal], true_start[truth], true_end[truth]
    shared = np.minimum(b, d) - np.maximum(a, c)
    iou = np.maximum(shared, 0) / (np.maximum(b, d) - np.minimum(a, c))
    keep = np.flatnonzero(iou >= least)
    return proposal[keep], truth[keep], iou[keep]
