"""Are the pictures of a folder face crops already, or whole scenes? Judged by their shapes, for all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from zoo.inference.inputs import InputFile

_LOOKED_AT: Final = 64
_LONGEST_CROP: Final = 640  # pixels; crops are rarely stored larger
_MOST_OBLONG: Final = 1.25


def look_like_crops(files: Sequence[InputFile]) -> bool:
    """Whether most of the pictures among ``files`` are about square and small.

    Up to 64 of them are looked at, evenly, their headers alone. Those that cannot be read do not count.
    """
    pictures = [file.record.path for file in files if file.kind == "picture" and file.record is not None]
    places = np.unique(np.linspace(0, len(pictures) - 1, min(_LOOKED_AT, len(pictures))).astype(int))
    votes = [vote for place in places if (vote := _is_crop(pictures[place])) is not None]
    return bool(votes) and sum(votes) * 2 > len(votes)


def _is_crop(path: str) -> bool | None:
    try:
        with Image.open(path) as picture:
            short, long = sorted(picture.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return long <= _LONGEST_CROP and long <= _MOST_OBLONG * short
