"""Finding what crosses splits: people, source videos, families, near-duplicate frames and known leaks."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import pyarrow as pa

from zoo.datasets.audit.frames import comparable, near_duplicates
from zoo.datasets.audit.report import VERSION, Audited, Example, Leak, LeakReport
from zoo.datasets.audit.videos import UNKNOWN, Videos, read_persons, read_videos
from zoo.datasets.corpora import known_leaks
from zoo.datasets.manifest import manifest_path, read_manifest, split_hash
from zoo.datasets.splits import SPLITS
from zoo.errors import ConfigError, DataError
from zoo.files import sha256_of

MAX_DISTANCE: Final = 4
MIN_SHARE: Final = 0.25
EXAMPLES: Final = 5
_SHOWN: Final = 3  # videos named on each side of an example


def audit(
    manifests: Sequence[str | os.PathLike],
    *,
    max_distance: int = MAX_DISTANCE,
    min_share: float = MIN_SHARE,
    examples: int = EXAMPLES,
    persons_path: str | os.PathLike | None = None,
) -> LeakReport:
    """What crosses the splits of ``manifests``, each on its own and all together.

    - **identity**: a person in videos of two splits. Names count within their corpus, and across corpora where the
      file at ``persons_path`` says who is who.
    - **source_video**: a video in two splits, as itself or as what another was made of.
    - **family**: an original and all that was made of it, directly or through others, in two splits.
    - **near_duplicate**: two videos with crops whose perceptual hashes differ in at most ``max_distance`` bits, and at
      least ``min_share`` as many such pairs as the video with fewer crops has crops. Fewer are counted apart, as
      ``resembling``: among many faces some look alike by chance, in a frame or two. Crops without structure (fewer
      than 12 or more than 52 of 64 bits set, as a blank gives) and hashes that over 50 unrelated videos share are set
      aside and counted in the report: they are alike by showing nothing.
    - **known**: pairs of `zoo.datasets.corpora.known_leaks` on two sides.

    Videos without a split are counted and named, and judged by nothing.

    Args:
        manifests: paths of manifests, or of the folders that hold them.
        max_distance: in [0, 8] bits of 64.
        min_share: in [0, 1]; 0 counts every two videos with one pair of near-duplicate crops.
        examples: how many to name for each kind and pair of splits.
        persons_path: see `zoo.datasets.audit.videos.read_persons`; None if names mean nothing beyond their corpus.

    Raises:
        DataError: a manifest cannot be read, has no crops, names a split that is none, or no video is in a split.
        ConfigError: ``max_distance`` or ``min_share`` is out of range.
    """
    if not 0 <= min_share <= 1:
        raise ConfigError(f"The share must be 0 to 1, not {min_share:g}.", where="min_share")
    if not manifests:
        raise DataError("There is no manifest to audit.", next_step="Name at least one: zoo audit MANIFEST...")
    paths = [manifest_path(path) for path in manifests]
    digests = [sha256_of(path) for path in paths if path.is_file()]
    read = [read_manifest(path) for path in paths]
    for path, manifest in zip(paths, read, strict=True):
        if not manifest.table.num_rows:
            raise DataError("The manifest lists no crop.", where=path, next_step="Preprocess again.")
    videos = read_videos(read, persons=None if persons_path is None else read_persons(persons_path))
    unknown = sorted({videos.ids[entry] for entry, split in enumerate(videos.splits) if split == UNKNOWN})
    if set(videos.splits) == {UNKNOWN}:
        raise DataError(
            f"None of {len(unknown)} videos is in a split, so nothing can cross.",
            where=", ".join(map(str, paths)),
            next_step="Preprocess with --split-ratio, or give the corpus its official split.",
        )
    kin = np.unique(videos.kin(), return_inverse=True)[1].ravel()
    kept, set_aside = comparable(videos, kin)
    near, doubtful = near_duplicates(
        videos, kept, kin, max_distance=max_distance, min_share=min_share, examples=examples
    )
    leaks = [
        *_crossing("identity", _by_name(videos, videos.identities), videos, examples),
        *_crossing("source_video", _by_name(videos, _itself_and_sources(videos)), videos, examples),
        *_crossing("family", _by_name(videos, [[family] for family in videos.families()]), videos, examples),
        *near,
        *_known(videos, examples),
    ]
    counts = Counter(videos.splits)
    return LeakReport(
        manifests=tuple(
            Audited(
                path=str(path),
                sha256=digest,
                split_hash=manifest.split_hash,
                crops=manifest.table.num_rows,
                videos=len(manifest.table["video_id"].unique()),
            )
            for path, digest, manifest in zip(paths, digests, read, strict=True)
        ),
        split_hash=split_hash(pa.concat_tables([manifest.table for manifest in read])),
        settings=audit_settings(
            max_distance=max_distance, min_share=min_share, examples=examples, persons_path=persons_path
        ),
        leaks=tuple(leaks),
        videos={name: counts[number] for number, name in enumerate(SPLITS) if counts[number]},
        unknown_split=len(unknown),
        unknown_examples=tuple(unknown[:examples]),
        **doubtful,
        **set_aside,
    )


def audit_settings(
    *,
    max_distance: int = MAX_DISTANCE,
    min_share: float = MIN_SHARE,
    examples: int = EXAMPLES,
    persons_path: str | os.PathLike | None = None,
) -> dict[str, Any]:
    """All that an audit depends on beside its manifests, as plain values; arguments as those of `audit`."""
    return {
        "version": VERSION,
        "max_distance": max_distance,
        "min_share": min_share,
        "examples": examples,
        "persons_sha256": None if persons_path is None else sha256_of(persons_path),
        "known": [list(pair) for pair in known_leaks.PAIRS],
    }


def _by_name(videos: Videos, names: Sequence[Iterable[str]]) -> dict[str, dict[int, list[int]]]:
    """Name to split to the entries that have the name."""
    found: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in videos.judged():
        for name in names[entry]:
            found[name][videos.splits[entry]].append(entry)
    return found


def _itself_and_sources(videos: Videos) -> list[set[str]]:
    return [{video, *sources} for video, sources in zip(videos.ids, videos.sources, strict=True)]


def _crossing(
    kind: str, found: Mapping[str, Mapping[int, Sequence[int]]], videos: Videos, examples: int
) -> Iterator[Leak]:
    """A leak for each two splits that have a name in common; those with most videos are named."""
    for one, other in combinations(range(len(SPLITS)), 2):
        shared = [(name, by[one], by[other]) for name, by in found.items() if one in by and other in by]
        yield from _leak(kind, (one, other), shared, videos, examples)


def _leak(
    kind: str,
    splits: tuple[int, int],
    shared: Sequence[tuple[str, Sequence[int], Sequence[int]]],
    videos: Videos,
    examples: int,
) -> Iterator[Leak]:
    if not shared:
        return
    worst = sorted(shared, key=lambda item: (-len(item[1]) - len(item[2]), item[0]))[:examples]
    yield Leak(
        kind=kind,
        splits=(SPLITS[splits[0]], SPLITS[splits[1]]),
        count=len(shared),
        videos=len({videos.ids[entry] for _, first, second in shared for entry in (*first, *second)}),
        examples=tuple(
            Example(
                name=name,
                first=tuple(sorted(videos.ids[entry] for entry in first)[:_SHOWN]),
                second=tuple(sorted(videos.ids[entry] for entry in second)[:_SHOWN]),
                n_first=len(first),
                n_second=len(second),
            )
            for name, first, second in worst
        ),
    )


def _known(videos: Videos, examples: int) -> Iterator[Leak]:
    """Known pairs of which one, or something made of it, is in one split and the other in another."""
    holders = _by_name(videos, _itself_and_sources(videos))
    for splits in combinations(range(len(SPLITS)), 2):
        shared = []
        for pair in known_leaks.PAIRS:
            sides = [holders.get(video, {}) for video in pair]
            for low, high in (splits, splits[::-1]):
                if low in sides[0] and high in sides[1]:
                    first, second = (sides[0][low], sides[1][high])[:: 1 if low == splits[0] else -1]
                    shared.append((" = ".join(pair), first, second))
                    break
        yield from _leak("known", splits, shared, videos, examples)
