"""What is known of videos beside their scores: who is in them, what they were made of, which split they are in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zoo.datasets.corpora.grouping import connected_groups
from zoo.datasets.splits import split_name
from zoo.errors import DataError
from zoo.metrics.aggregation import group_rows
from zoo.structures import VideoRecord

_PEOPLE: Final = ("identities", "identity")
_READ: Final = ("video_id", "corpus", "split", "method", "source_videos", "original", *_PEOPLE)
_MOST_LINKED: Final = 0.5  # of the videos: if more hang together, they are told apart by one person each


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVideo:
    """One video of a list; ``split`` is ``train``, ``val``, ``test`` or None where the list does not say."""

    video_id: str
    corpus: str | None = None
    method: str | None = None
    split: str | None = None
    identities: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Which videos are drawn together: a name for each, what the names stand for, and what to know about it."""

    names: list[str]
    kind: str
    unknown: int = 0
    all_linked: bool = False


def read_known_videos(path: str | os.PathLike) -> list[KnownVideo]:
    """The videos that a manifest, a predictions file or any other list names, as Parquet or CSV.

    Column ``video_id`` must be there; ``corpus``, ``method``, ``split``, ``identity`` or ``identities`` and
    ``source_videos`` (lists, in CSV separated by ";") may. Rows of one video are put together.

    Raises:
        DataError: absent, unreadable, without ``video_id``, or with a split that is none.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "manifest.parquet"
    if not path.is_file():
        raise DataError("No such list of videos.", where=path, next_step="Give a manifest, predictions, or a CSV file.")
    try:
        if path.suffix.lower() == ".csv":
            types = {name: pa.string() for name in _READ}
            table = pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types=types))
        else:
            there = pq.read_schema(path).names
            table = pq.read_table(path, columns=[name for name in _READ if name in there], partitioning=None)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the list: {str(error).splitlines()[0]}", where=path) from error
    if "video_id" not in table.column_names:
        raise DataError("The list has no column video_id.", where=path)
    return _videos(table.select([name for name in _READ if name in table.column_names]))


def known_of(records: Sequence[VideoRecord]) -> list[KnownVideo] | None:
    """What a corpus tells of its videos; None where it tells of no people and of no sources.

    Where people are not told, a genuine video and everything that was made of it count as of one person.
    """
    sources = {name for record in records for name in _sources(record)}
    known = []
    for record in records:
        own = {record.video_id} & sources
        known.append(
            KnownVideo(
                video_id=record.video_id,
                corpus=record.corpus,
                method=record.method,
                split=record.split,
                identities=record.identities or frozenset(_sources(record) | own),
                sources=frozenset(_sources(record)),
            )
        )
    return known if any(item.identities for item in known) else None


def match(videos: Sequence[tuple[str, str, str]], known: Iterable[KnownVideo]) -> list[list[KnownVideo]]:
    """For each (corpus, method, video_id) what is known of it.

    A list that leaves the corpus out fits any. Methods may be called otherwise in a list; they decide where it has a
    video_id with several of them.
    """
    by_id: dict[str, list[KnownVideo]] = {}
    for item in known:
        by_id.setdefault(item.video_id, []).append(item)
    found = []
    for corpus, method, video_id in videos:
        near = [item for item in by_id.get(video_id, ()) if item.corpus in (None, corpus)]
        if len({item.method for item in near}) > 1:
            near = [item for item in near if item.method in (None, method)]
        found.append(near)
    return found


def clusters_of(videos: Sequence[tuple[str, str, str]], groups: Iterable[KnownVideo] | None) -> Clusters:
    """The cluster of every (corpus, method, video_id).

    With ``groups``, videos that share a person are in one cluster, directly or through others. Where that ties more
    than half of them together, as in corpora that swap everybody with everybody, a video is in the cluster of the
    first of its people by name, and ``all_linked`` says so. A video of which no person is known is one by itself.
    """
    own = [f"video {name}" for name in map("\0".join, videos)]
    if groups is None:
        return Clusters(names=own, kind="video")
    people = [
        sorted({person_of(corpus, name) for item in found for name in item.identities})
        for (corpus, *_), found in zip(videos, match(videos, groups), strict=True)
    ]
    linked = connected_groups(people for people in people if people)
    names = [linked[mine[0]] if mine else alone for mine, alone in zip(people, own, strict=True)]
    sizes: dict[str, int] = {}
    for name in names:
        sizes[name] = sizes.get(name, 0) + 1
    all_linked = len(linked) > 2 and max(sizes.values(), default=0) > _MOST_LINKED * len(names)
    if all_linked:
        names = [mine[0] if mine else alone for mine, alone in zip(people, own, strict=True)]
    return Clusters(names=names, kind="identity", unknown=sum(not mine for mine in people), all_linked=all_linked)


def person_of(corpus: str | None, name: str) -> str:
    """A person's name that is unique across corpora."""
    return f"{name} of {corpus}" if corpus else name


def _sources(record: VideoRecord) -> set[str]:
    return set(record.source_videos) | ({record.original} if record.original else set())


def _videos(table: pa.Table) -> list[KnownVideo]:
    keys = [name for name in ("video_id", "corpus", "method", "split") if name in table.column_names]
    first = table.take(pa.array(group_rows(table, keys).first))
    return [
        KnownVideo(
            video_id=row["video_id"],
            corpus=row.get("corpus"),
            method=row.get("method"),
            split=split_name(row["split"]) if row.get("split") else None,
            identities=frozenset(name for key in _PEOPLE for name in _names(row, key)),
            sources=frozenset(_names(row, "source_videos")) | frozenset(_names(row, "original")),
        )
        for row in first.to_pylist()
        if row["video_id"] is not None
    ]


def _names(row: Mapping[str, Any], key: str) -> list[str]:
    value = row.get(key)
    if value is None:
        return []
    parts = value if isinstance(value, list) else str(value).split(";")
    return [name for part in parts if part is not None and (name := str(part).strip())]
