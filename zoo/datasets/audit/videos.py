"""What an audit knows of the videos of some manifests: one entry a video and split, and the hashes of its crops."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from zoo.datasets.corpora.grouping import connected_groups
from zoo.datasets.manifest import Manifest
from zoo.datasets.splits import SPLITS, split_name
from zoo.errors import DataError

UNKNOWN: Final = -1
_TOLD: Final = ["video_id", "split", "corpus", "identities", "source_videos", "original"]


@dataclass(slots=True)
class Videos:
    """Videos in the order they were met, and the crops of all of them.

    ``splits`` index `SPLITS`, or are `UNKNOWN`. ``identities`` are pairs of a corpus and a name, or names that an
    identities file gives across corpora. A video whose rows lie in two splits has two entries.
    """

    ids: list[str] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    identities: list[frozenset[str]] = field(default_factory=list)
    sources: list[frozenset[str]] = field(default_factory=list)
    originals: list[str | None] = field(default_factory=list)
    hashes: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))  # uint64 [n]
    owners: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # int64 [n], the entry of each hash

    def judged(self) -> Iterator[int]:
        """The entries that are in a split."""
        return (entry for entry, split in enumerate(self.splits) if split != UNKNOWN)

    def families(self) -> list[str]:
        """For each entry its family, all that has one original, directly or through others, named after that."""
        told = zip(self.ids, self.originals, strict=True)
        groups = connected_groups([video, original] if original else [video] for video, original in told)
        made = {video for video, original in zip(self.ids, self.originals, strict=True) if original}
        first: dict[str, str] = {}
        for video in sorted(groups, key=lambda video: (video in made, video)):
            first.setdefault(groups[video], video)
        return [first[groups[video]] for video in self.ids]

    def kin(self) -> list[str]:
        """As `families`, but tied by every shared source video."""
        told = zip(self.ids, self.sources, self.originals, strict=True)
        groups = connected_groups(
            [video, *sources, *([original] if original else [])] for video, sources, original in told
        )
        return [groups[video] for video in self.ids]


def read_videos(manifests: Sequence[Manifest], *, persons: Mapping[str, Mapping[str, str]] | None = None) -> Videos:
    """The videos of all ``manifests``.

    Args:
        manifests: as read.
        persons: corpus to name to person, see `read_persons`; identities of two corpora that are one person are one.

    Raises:
        DataError: a split has a name that is none.
    """
    videos = Videos()
    numbers: dict[tuple[str, int], int] = {}
    hashes, owners = [], []
    for manifest in manifests:
        table = manifest.table
        if not table.num_rows:
            continue
        ids, splits = _codes(table["video_id"]), _codes(table["split"])
        _, first, entry_of_row = np.unique(ids * (splits.max() + 1) + splits, return_index=True, return_inverse=True)
        entries = np.empty(len(first), np.int64)
        for position, row in enumerate(table.select(_TOLD).take(pa.array(first)).to_pylist()):
            split = UNKNOWN if row["split"] is None else _split(row["split"], where=manifest.root)
            entries[position] = number = numbers.setdefault((row["video_id"], split), len(videos.ids))
            named = persons.get(row["corpus"], {}) if persons else {}
            people = frozenset(named.get(name) or f"{name} of {row['corpus']}" for name in row["identities"])
            sources = frozenset(row["source_videos"])
            if number < len(videos.ids):  # told by an earlier manifest too
                videos.identities[number] |= people
                videos.sources[number] |= sources
                videos.originals[number] = videos.originals[number] or row["original"]
                continue
            videos.ids.append(row["video_id"])
            videos.splits.append(split)
            videos.identities.append(people)
            videos.sources.append(sources)
            videos.originals.append(row["original"])
        hashes.append(table["phash"].to_numpy())
        owners.append(entries[entry_of_row.ravel()])
    if hashes:
        videos.hashes, videos.owners = np.concatenate(hashes), np.concatenate(owners)
    return videos


def read_persons(path: str | os.PathLike) -> dict[str, dict[str, str]]:
    """Who is who across corpora: a JSON file ``{"corpus": {"identity": "person", ...}, ...}``.

    Raises:
        DataError: not such a file.
    """
    try:
        persons = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read the identities: {error}.", where=path) from error
    if not isinstance(persons, dict) or not all(
        isinstance(names, dict) and all(isinstance(person, str) for person in names.values())
        for names in persons.values()
    ):
        raise DataError(
            "The file does not say who is who.",
            where=path,
            next_step='Write {"corpus": {"identity": "person", ...}, ...}.',
        )
    return persons


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """A number for every different value, int64 [n]; nulls are a value of their own."""
    codes = column.dictionary_encode(null_encoding="encode").combine_chunks()
    return codes.indices.to_numpy().astype(np.int64)


def _split(name: str, *, where: object) -> int:
    try:
        return SPLITS.index(split_name(name))
    except DataError as error:
        raise DataError(error.what, where=where, next_step=error.next_step) from error
