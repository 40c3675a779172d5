"""What corpora that forge picture and sound apart have in common: names of the combinations, numbers."""

from __future__ import annotations

import sys
from typing import Any, Final

METHODS: Final = {
    (False, False): "real",
    (True, False): "fake_video_real_audio",
    (False, True): "real_video_fake_audio",
    (True, True): "fake_video_fake_audio",
}
"""(picture forged, sound forged) to the method."""


def positive(value: Any) -> float | None:
    """``value`` as a finite number above 0; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value <= sys.float_info.max else None
