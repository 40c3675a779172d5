"""Leaks between official splits that are known and that no list of the corpus itself tells."""

from __future__ import annotations

from typing import Final

FACEFORENSICS: Final[tuple[tuple[str, str], ...]] = tuple(
    (f"ff++/youtube/{one}", f"ff++/youtube/{other}")
    for one, other in (
        ("755", "756"),  # test, train
        ("955", "954"),  # test, train
        ("606", "605"),  # val, train
        ("640", "639"),  # val, train
        ("837", "838"),  # val, train
        ("875", "876"),  # val, train
        ("982", "983"),  # val, train
    )
)
"""FaceForensics++: pairs of ``video_id`` cut from one YouTube video, on two sides of the official split.

The first of a pair is in test or val, the second in train. The fakes that were made of either share the leak.
"""

PAIRS: Final[tuple[tuple[str, str], ...]] = FACEFORENSICS
"""Of all corpora: pairs of genuine videos, by ``video_id``, that show one source."""
