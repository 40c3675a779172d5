"""Which rows of several tables speak of the same video, by corpus, video_id and, where it must be, method.

All comparing is done on whole numbers: words become codes that order as the words do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo.predictions import UNKNOWN


def unified(columns: Sequence[pa.ChunkedArray]) -> tuple[pa.Array, list[NDArray[np.int64]]]:
    """The words of all ``columns`` (of strings, or dictionaries of them), sorted, and each column's codes in them."""
    whole = pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)
    encoded = whole.dictionary_encode() if whole.type == pa.string() else whole.unify_dictionaries()
    words = encoded.chunk(0).dictionary if encoded.num_chunks else pa.array([], pa.string())
    order = pc.sort_indices(words).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    codes = [rank[chunk.indices.to_numpy()] for chunk in encoded.chunks]
    return words.take(pa.array(order)), split(np.concatenate([np.zeros(0, np.int64), *codes]), columns)


def split(values: NDArray, columns: Sequence[Sized]) -> list[NDArray]:
    """``values`` cut into parts as long as ``columns``."""
    return np.split(values, np.cumsum([len(column) for column in columns])[:-1])


def videos_of(columns: Mapping[str, Sequence[pa.ChunkedArray]]) -> tuple[pa.Table, list[NDArray[np.int64]]]:
    """The videos that several tables speak of.

    Args:
        columns: corpus, method and video_id, each a column of every table.

    Returns:
        Columns corpus, method and video_id, one row a video, sorted by corpus, video_id and method; and for each table
        the row of each of its rows in them.

    Raises:
        DataError: see `zoo.ensembles.joining.join`.
    """
    words, codes = {}, {}
    for name in ("corpus", "method", "video_id"):
        words[name], codes[name] = unified(columns[name])
    sizes = len(words["corpus"]), len(words["method"])
    each = zip(codes["video_id"], codes["corpus"], codes["method"], strict=True)
    keys = [(video * sizes[0] + corpus) * sizes[1] + method for video, corpus, method in each]
    encoded = pa.array(np.concatenate(keys)).dictionary_encode()
    tables = split(encoded.indices.to_numpy(), keys)
    video, rest = np.divmod(encoded.dictionary.to_numpy(), max(sizes[0] * sizes[1], 1))
    corpus, method = np.divmod(rest, max(sizes[1], 1))
    keyed = _Keys(words, video, corpus, method)
    keyed.find_corpora()
    keyed.find_methods(tables)
    videos, row = keyed.sorted()
    return videos, [row[index] for index in tables]


class _Keys:
    """All different triples [k] of video_id, corpus and method, as codes; what is unknown is found out in place."""

    def __init__(self, words: Mapping[str, pa.Array], video: NDArray, corpus: NDArray, method: NDArray):
        self.words = words
        self.video = video
        self.corpus = corpus
        self.method = method

    def find_corpora(self) -> None:
        """Give each video of an unknown corpus the one corpus that has its video_id."""
        names = self.words["corpus"].to_pylist()
        if UNKNOWN not in names or len(names) == 1:
            return
        unknown = names.index(UNKNOWN)
        told = self.corpus != unknown
        videos, corpora = np.divmod(np.unique(self.video[told] * len(names) + self.corpus[told]), len(names))
        candidates = np.bincount(videos, minlength=len(self.words["video_id"]))
        known = np.full(len(candidates), unknown)
        known[videos] = corpora
        if np.any(doubtful := ~told & (candidates[self.video] > 1)):
            row = int(np.argmax(doubtful))
            raise DataError(
                f"Video {self.words['video_id'][self.video[row]].as_py()!r} of an unknown corpus may be of any of "
                f"{candidates[self.video[row]]} corpora that have this video_id.",
                next_step="Add a column 'corpus' to the file that has none.",
            )
        self.corpus = np.where(told, self.corpus, known[self.video])

    def find_methods(self, tables: Sequence[NDArray]) -> None:
        """Give each video one method, but for those of which a table has several.

        Args:
            tables: of each table the triples that its rows hold.
        """
        pairs, pair = np.unique(self.video * len(self.words["corpus"]) + self.corpus, return_inverse=True)
        if len(pairs) == len(self.video):
            return
        names = self.words["method"].to_pylist()
        told = np.array([name not in ("", UNKNOWN) for name in names], bool)[self.method]
        split = np.zeros(len(pairs), bool)
        for index in tables:
            mine = np.zeros(len(pair), bool)
            mine[index] = True
            split |= self._has_several(pair, mine & told, len(pairs))
        if np.any(contradicted := (self._has_several(pair, told, len(pairs)) & ~split)[pair] & told):
            row = int(np.argmax(contradicted))
            found = sorted({names[code] for code in self.method[(pair == pair[row]) & told]})
            raise DataError(
                f"Members name different methods for {self._shown(row)}: {', '.join(found)}.",
                next_step="Spell methods alike, make video_ids that name the method, or leave the column out.",
            )
        if np.any(doubtful := split[pair] & ~told):
            raise DataError(
                f"A member does not tell the method of {self._shown(int(np.argmax(doubtful)))}, which has several.",
                next_step="Add a column 'method' to its file.",
            )
        best = np.full(len(pairs), -1)
        np.maximum.at(best, pair, np.where(told, self.method + len(names), self.method))
        self.method = np.where(split[pair], self.method, best[pair] % len(names))

    def sorted(self) -> tuple[pa.Table, NDArray[np.int64]]:
        """The table of videos, and the row [k] of each triple in it."""
        keys = (self.corpus * len(self.words["video_id"]) + self.video) * len(self.words["method"]) + self.method
        _, first, row = np.unique(keys, return_index=True, return_inverse=True)
        codes = {"corpus": self.corpus, "method": self.method, "video_id": self.video}
        return pa.table({name: self.words[name].take(pa.array(code[first])) for name, code in codes.items()}), row

    def _has_several(self, pair: NDArray, chosen: NDArray, count: int) -> NDArray[np.bool_]:
        """Whether each of ``count`` pairs of corpus and video_id has several methods among the ``chosen`` triples."""
        kinds = np.unique(pair[chosen] * len(self.words["method"]) + self.method[chosen])
        return np.bincount(kinds // len(self.words["method"]), minlength=count) > 1

    def _shown(self, row: int) -> str:
        corpus, video = self.words["corpus"][self.corpus[row]], self.words["video_id"][self.video[row]]
        return f"video {video.as_py()!r} of corpus {corpus.as_py()!r}"
