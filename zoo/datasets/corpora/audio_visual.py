"""What corpora that forge picture and sound apart have in common: names of the combinations, stretches of time."""

from __future__ import annotations

import math
import sys
from typing import Any, Final

from zoo.errors import DataError
from zoo.structures import Segment

METHODS: Final = {
    (False, False): "real",
    (True, False): "fake_video_real_audio",
    (False, True): "real_video_fake_audio",
    (True, True): "fake_video_fake_audio",
}
"""(picture forged, sound forged) to the method."""


def parse_segments(value: Any, *, where: object) -> tuple[Segment, ...]:
    """``[[start_s, end_s], ...]`` in order of time; None is nothing.

    Raises:
        DataError: something else.
    """
    try:
        pairs = sorted((float(start), float(end)) for start, end in value or ())
    except (TypeError, ValueError, OverflowError):
        pairs = [(math.nan, math.nan)]
    if not all(0 <= start <= end < math.inf for start, end in pairs):
        raise DataError(f"The forged stretches {value!r} are no list of start and end in seconds.", where=where)
    return tuple(Segment(start, end) for start, end in pairs)


def positive(value: Any) -> float | None:
    """``value`` as a finite number above 0; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value <= sys.float_info.max else None
