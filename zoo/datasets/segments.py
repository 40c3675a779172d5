"""Fake segments of a clip in time: as a corpus tells them, and as a window of the clip shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from zoo.errors import DataError
from zoo.structures import Segment

TOLERANCE_S: Final = 0.5
"""How far beyond the end of its video a segment may reach, in seconds: lists are made from rounded times, and sound and
picture do not end together. What is beyond the end is cut off."""

_LONE_FRAME_S: Final = 0.04


def read_segments(value: Any, *, where: object, duration_s: float | None = None) -> tuple[Segment, ...]:
    """``[[start_s, end_s], ...]`` as segments in order of time, apart from each other; None is nothing.

    Mended are segments that overlap (they become one; such as only touch stay two), that have no length (they are left
    out), and that end up to `TOLERANCE_S` after ``duration_s`` (they end with the video).

    Raises:
        DataError: no list of pairs of numbers, a start after its end or before 0, or an end farther beyond the video.
    """
    try:
        pairs = [(float(start), float(end)) for start, end in value or ()]
    except (TypeError, ValueError, OverflowError):
        pairs = [(math.nan, math.nan)]
    if not all(0 <= start <= end < math.inf for start, end in pairs):
        raise DataError(
            f"The forged stretches {value!r} are no list of start and end in seconds.",
            where=where,
            next_step="Each is [start, end] with 0 <= start <= end.",
        )
    if duration_s is not None:
        if beyond := [pair for pair in pairs if pair[1] > duration_s + TOLERANCE_S]:
            raise DataError(
                f"A forged stretch ends at {beyond[0][1]} s, and the video at {duration_s} s.",
                where=where,
                next_step="Use the list that belongs to these videos; times are seconds.",
            )
        pairs = [(start, min(end, duration_s)) for start, end in pairs]
    return joined(Segment(start, end) for start, end in pairs if start < end)


def joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """``segments`` in order of time, those that overlap made one; a modality stays where all agree on it."""
    apart: list[Segment] = []
    for segment in sorted(segments, key=lambda each: (each.start_s, each.end_s)):
        if apart and segment.start_s < apart[-1].end_s:
            last = apart[-1]
            modality = last.modality if last.modality == segment.modality else None
            apart[-1] = replace(last, end_s=max(last.end_s, segment.end_s), modality=modality)
        else:
            apart.append(segment)
    return tuple(apart)


def attributed(
    segments: Iterable[Segment], *, video: Sequence[Segment], audio: Sequence[Segment]
) -> tuple[Segment, ...]:
    """``segments`` with the modality in which each is forged, by which of the two lists has something at its time."""
    result = []
    for segment in segments:
        seen, heard = (_overlaps(segment, others) for others in (video, audio))
        result.append(segment if seen == heard else replace(segment, modality="video" if seen else "audio"))
    return tuple(result)


def within(segments: Iterable[Segment], *, start_s: float, end_s: float) -> tuple[Segment, ...]:
    """What of ``segments`` lies between ``start_s`` and ``end_s``, seconds, cut off there."""
    return tuple(
        replace(segment, start_s=max(segment.start_s, start_s), end_s=min(segment.end_s, end_s))
        for segment in segments
        if segment.start_s < end_s and segment.end_s > start_s
    )


def carried_on(times: np.ndarray, shown: slice, *, step_s: float) -> np.ndarray:
    """Frame ``times`` [t] in seconds, of which those ``shown`` are known, carried on by ``step_s`` on both sides.

    A step of 0, as a single frame has it, counts as 0.04 s.
    """
    step_s = step_s or _LONE_FRAME_S
    number = np.arange(len(times), dtype=np.float64)
    result = np.array(times, np.float64)
    result[: shown.start] = times[shown.start] + (number[: shown.start] - shown.start) * step_s
    result[shown.stop :] = times[shown.stop - 1] + (number[shown.stop :] - (shown.stop - 1)) * step_s
    return result


def _overlaps(segment: Segment, others: Iterable[Segment]) -> bool:
    return any(segment.start_s < other.end_s and other.start_s < segment.end_s for other in others)
