"""Near-duplicate frames that cross splits: which crops can be compared, and which videos have too many alike."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from zoo.datasets.audit.near_duplicates import near_owners
from zoo.datasets.audit.report import Example, Leak
from zoo.datasets.audit.videos import UNKNOWN, Videos
from zoo.datasets.splits import SPLITS
from zoo.faces.likeness import hash_distance

_FEWEST_ONES: Final = 12
"""Of a hash that tells a picture: 32 of 64 bits exceed the median, 16 if it is symmetric, at most 8 if it is flat."""
_COMMON: Final = 50
"""A hash that so many videos share, none tied to another, is of something that many videos show, such as black."""


def comparable(videos: Videos, kin: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Which crops are to be compared, bool [n], and how many are set aside and why; ``kin`` numbers each entry's."""
    ones = hash_distance(videos.hashes, np.uint64(0))
    flat = (ones < _FEWEST_ONES) | (ones > 64 - _FEWEST_ONES)
    values, value_of_row = np.unique(videos.hashes, return_inverse=True)
    pairs = np.unique(value_of_row.ravel().astype(np.int64) * (kin.max() + 1) + kin[videos.owners])
    unrelated = np.bincount(pairs // (kin.max() + 1), minlength=len(values))
    common = (unrelated > _COMMON)[value_of_row.ravel()] & ~flat
    judged = np.array(videos.splits)[videos.owners] != UNKNOWN
    return judged & ~flat & ~common, {
        "flat_crops": int(flat.sum()),
        "common_hashes": len(np.unique(videos.hashes[common])),
        "common_crops": int(common.sum()),
    }


def near_duplicates(
    videos: Videos, kept: np.ndarray, kin: np.ndarray, *, max_distance: int, min_share: float, examples: int
) -> tuple[list[Leak], dict[str, Any]]:
    """Leaks by alike frames, and what of it is in doubt, as fields of a `LeakReport`.

    Named first is what nothing else explains. Arguments as those of `zoo.datasets.audit.leaks.audit`, with what
    `comparable` takes and gives.
    """
    numbers: dict[str, int] = {}
    owner_of_entry = np.array([numbers.setdefault(video, len(numbers)) for video in videos.ids])  # a video is one owner
    names = list(numbers)
    kin_of_owner = kin[np.unique(owner_of_entry, return_index=True)[1]]
    hashes, rows = videos.hashes[kept], videos.owners[kept]
    owners = owner_of_entry[rows]
    found = near_owners(hashes, owners, np.array(videos.splits)[rows], max_distance=max_distance)
    different = np.unique(np.stack([owners.astype(np.uint64), hashes]), axis=1)[0].astype(np.int64)
    crops = np.bincount(different, minlength=len(names))  # different ones of each video
    leaks: list[Leak] = []
    resembling, resembling_examples = 0, list[str]()
    for (one, other), pairs in found.items():
        tied = kin_of_owner[pairs.first] == kin_of_owner[pairs.second]
        needed = min_share * np.minimum(crops[pairs.first], crops[pairs.second])
        enough = pairs.frames >= needed
        order = np.lexsort((pairs.second, pairs.first, pairs.distance, -pairs.frames, tied))
        named = [
            Example(
                name=f"{names[pairs.first[row]]} ~ {names[pairs.second[row]]}",
                first=(names[pairs.first[row]],),
                second=(names[pairs.second[row]],),
                n_first=1,
                n_second=1,
                frames=int(pairs.frames[row]),
                distance=int(pairs.distance[row]),
                explained=bool(tied[row]),
            )
            for row in order[enough[order]][:examples]
        ]
        resembling += int((~enough).sum())
        some = order[~enough[order]][: examples - len(resembling_examples)]
        resembling_examples += [f"{names[pairs.first[row]]} ~ {names[pairs.second[row]]}" for row in some]
        if named:
            leaks.append(
                Leak(
                    kind="near_duplicate",
                    splits=(SPLITS[one], SPLITS[other]),
                    count=int(enough.sum()),
                    videos=len(np.union1d(pairs.first[enough], pairs.second[enough])),
                    examples=tuple(named),
                )
            )
    return leaks, {
        "complete": all(pairs.complete for pairs in found.values()),
        "resembling": resembling,
        "resembling_examples": tuple(resembling_examples),
    }
