"""Predictions of several members side by side: one row a video, one column a member.

A video is told apart by its corpus and video_id. Members seldom come out of one program, so that:

- ``unknown`` as a corpus stands for the one corpus in which another member has that video_id;
- ``unknown`` or nothing as a method yields to the method that another member names;
- where one member has a video_id under several methods, the ids do not name the method, and there each method's video
  is a video of its own, as in ``zoo.metrics.table.by_video``;
- two members that name different methods for a video are an error: they may speak of two videos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zoo.ensembles.keys import unified, videos_of
from zoo.errors import ConfigError, DataError

SEPARATOR: Final = "+"
WORDS: Final = ("corpus", "method", "video_id", "status")


@dataclass(frozen=True, slots=True)
class Joined:
    """Scores of ``m`` members for ``n`` videos.

    Attributes:
        members: names, in the order of the columns of ``scores``.
        videos: columns corpus, method, video_id and label (null where unknown), sorted by corpus, video_id, method.
        scores: float64 [n, m] in [0, 1]: the mean of a video's samples, NaN where a member has no score.
        statuses: string [n]: ``ok`` where a member has a score, else the statuses that members give, joined with "+".
    """

    members: tuple[str, ...]
    videos: pa.Table
    scores: NDArray[np.float64]
    statuses: pa.Array

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def labels(self) -> NDArray[np.int8]:
        """int8 [n]: 0 = real, 1 = fake, -1 = unknown."""
        return self.videos["label"].fill_null(-1).to_numpy()

    def take(self, rows: NDArray) -> Joined:
        """The videos at ``rows``: indices, or bool [n]."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Joined(self.members, self.videos.take(index), self.scores[index], self.statuses.take(pa.array(index)))

    def arranged(self, members: tuple[str, ...]) -> Joined:
        """The same with its columns in the order of ``members``.

        Raises:
            DataError: the names are not the same.
        """
        if members == self.members:
            return self
        if sorted(members) != sorted(self.members):
            raise DataError(
                f"The predictions are of {', '.join(self.members)}; the ensemble is made of {', '.join(members)}.",
                next_step="Give one table a member, under the name that the ensemble knows it by; it may be empty.",
            )
        order = [self.members.index(name) for name in members]
        return Joined(members, self.videos, self.scores[:, order], self.statuses)

    def member_names(self) -> pa.Array:
        """String [n]: the members that have a score, joined with "+"; null where none has."""
        patterns = pattern_index(~np.isnan(self.scores))
        present = ~np.isnan(self.scores[patterns.first])
        names = [SEPARATOR.join(np.array(self.members)[row]) or None for row in present]
        return pa.array(names, pa.string()).take(pa.array(patterns.index))


@dataclass(frozen=True, slots=True)
class Patterns:
    """Which rows of a bool [n, m] are alike: ``index`` [n] of each row's pattern, ``first`` [k] row of each pattern."""

    index: NDArray[np.int32]
    first: NDArray[np.int64]


def pattern_index(present: NDArray[np.bool_]) -> Patterns:
    """The patterns of ``present`` [n, m], in the order in which they first occur."""
    packed = np.packbits(present, axis=1)
    kind = pa.binary(packed.shape[1])
    rows = pa.FixedSizeBinaryArray.from_buffers(kind, len(packed), [None, pa.py_buffer(packed)])
    index = rows.dictionary_encode().indices.to_numpy()
    first = np.full(index.max(initial=-1) + 1, len(index), np.int64)
    np.minimum.at(first, index, np.arange(len(index)))
    return Patterns(index, first)


def join(tables: Mapping[str, pa.Table]) -> Joined:
    """Outer join of the members' predictions by video; a member's score of a video is the mean of its samples.

    The order of rows has no influence, and the order of members none but on the columns. A video is fake when any of
    its samples is, scored or not.

    Args:
        tables: name to rows with at least the columns corpus, method, video_id, label, score and status. They are
            taken from the mapping one after the other, so that a mapping may read them when it is asked.

    Raises:
        ConfigError: no member, or a name that is empty or contains "+".
        DataError: a column is missing, a score is absent or outside [0, 1] where the status is ``ok``, members
            contradict each other over a label or a method, an ``unknown`` can stand for several corpora or methods,
            or a member has no video in common with the others.
    """
    members = tuple(tables)
    if not members:
        raise ConfigError("There is no member to join.", next_step="Give at least one table of predictions.")
    for name in members:
        if not name or SEPARATOR in name:
            raise ConfigError(f"A member cannot be called {name!r}.", next_step='Names have no "+" and are not empty.')
    words: dict[str, list[pa.ChunkedArray]] = {word: [] for word in WORDS}
    scores, labels = [], []
    for name, table in tables.items():
        found = _columns(table, name)
        scores.append(found[0])
        labels.append(found[1])
        for word in WORDS:
            column = table[word].cast(pa.string())
            words[word].append(column if word == "video_id" else column.dictionary_encode())
    states, status = unified(words.pop("status"))
    videos, where = videos_of(words)
    matrix, label = np.full((len(videos), len(members)), np.nan), np.full(len(videos), -1, np.int8)
    told = np.zeros(len(videos), np.int64)  # by how many members a video is mentioned
    for column, index in enumerate(where):
        matrix[:, column] = _means(index, scores[column], len(videos))
        _merge_labels(label, index, labels[column], videos, members[column])
        mentioned = np.zeros(len(videos), bool)
        mentioned[index] = True
        told += mentioned
    _refuse_strangers(members, where, told, videos)
    statuses = _statuses(np.isnan(matrix).all(axis=1), where, status, states)
    return Joined(members, videos.append_column("label", pa.array(label, mask=label < 0)), matrix, statuses)


def _columns(table: pa.Table, name: str) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """``scores`` [n], NaN without one, and ``labels`` [n], -1 where unknown."""
    needed = {*WORDS, "label", "score"}
    if missing := sorted(needed - set(table.column_names)):
        raise DataError(f"Columns are missing from the predictions: {', '.join(missing)}.", where=f"member {name}")
    ok = pc.equal(table["status"], "ok").to_numpy()
    scores = table["score"].cast(pa.float64()).fill_null(np.nan).to_numpy()
    if not np.all((scores[ok] >= 0) & (scores[ok] <= 1)):
        raise DataError("A row with status 'ok' has no score in [0, 1].", where=f"member {name}")
    return np.where(ok, scores, np.nan), table["label"].cast(pa.int8()).fill_null(-1).to_numpy()


def _refuse_strangers(members: tuple[str, ...], where: list[NDArray], told: NDArray, videos: pa.Table) -> None:
    several = sum(len(index) > 0 for index in where) > 1
    for name, index in zip(members, where, strict=True):
        if several and len(index) and told[index].max() < 2:
            raise DataError(
                f"Member {name!r} has no video in common with the others; it has {_shown(videos, int(index[0]))}.",
                next_step="Check that corpus and video_id are spelt alike in all files.",
            )


def _means(index: NDArray, scores: NDArray, size: int) -> NDArray[np.float64]:
    """Float64 [size]: the mean score of each video, NaN without one; sums run in the order of scores."""
    has = ~np.isnan(scores)
    index, scores = index[has], scores[has]
    counts = np.bincount(index, minlength=size)
    if counts.max(initial=0) > 1:
        order = np.argsort(scores, kind="stable")
        index, scores = index[order], scores[order]
    with np.errstate(invalid="ignore"):
        return np.minimum(np.bincount(index, weights=scores, minlength=size) / counts, 1.0)


def _merge_labels(labels: NDArray, index: NDArray, told: NDArray, videos: pa.Table, name: str) -> None:
    """Write a member's labels (-1 = unknown) into ``labels``."""
    mine = np.full(len(labels), -1, np.int8)
    for label in (0, 1):
        mine[index[told == label]] = label
    if np.any(against := (mine >= 0) & (labels >= 0) & (mine != labels)):
        row = int(np.argmax(against))
        raise DataError(
            f"{against.sum():,} videos have another label in member {name!r} than in the members before it; the first "
            f"is {_shown(videos, row)}, {mine[row]} against {labels[row]}.",
            next_step="0 = real and 1 = fake; correct the files, or leave the column 'label' out of those without.",
        )
    np.copyto(labels, mine, where=mine >= 0)


def _statuses(without: NDArray[np.bool_], where: list[NDArray], codes: list[NDArray], names: pa.Array) -> pa.Array:
    """String [n]: ``ok``, or what is told of the videos ``without`` a score."""
    pairs = []
    for index, code in zip(where, codes, strict=True):
        chosen = without[index]
        pairs.append(index[chosen] * len(names) + code[chosen])
    videos, told = np.divmod(np.unique(np.concatenate(pairs)), max(len(names), 1))
    statuses = np.full(len(without), "ok", object)
    words = np.array(names.to_pylist(), object)
    for video, word in zip(videos, words[told], strict=True):
        statuses[video] = word if statuses[video] == "ok" else f"{statuses[video]}{SEPARATOR}{word}"
    return pa.array(statuses, pa.string())


def _shown(videos: pa.Table, row: int) -> str:
    found = videos.slice(row, 1).to_pylist()[0]
    return f"{found['video_id']!r} of corpus {found['corpus']!r}"
