"""The cells of a dataset: its samples by corpus, label and manipulation method, each cell one run of indices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.structures import LABEL_NAMES

AXES: Final = ("corpus", "label", "method")


class CellName(NamedTuple):
    """Which samples a cell holds; ``label`` is ``real``, ``fake`` or, where it is hidden, ``unknown``."""

    corpus: str
    label: str
    method: str

    def __str__(self) -> str:
        return "/".join(self)


@dataclass(frozen=True, eq=False)
class Cells:
    """The ``k`` cells of a dataset, none of them empty, in the order of their samples.

    Attributes:
        names: of each cell, all different.
        starts: int64 [k], the index of each cell's first sample.
        sizes: int64 [k], how many samples follow one another from there.
    """

    names: tuple[CellName, ...]
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of_runs(
        cls,
        labels: np.ndarray,
        corpora: np.ndarray,
        methods: np.ndarray,
        sizes: np.ndarray,
        *,
        corpus_names: Sequence[str],
        method_names: Sequence[str],
    ) -> Cells:
        """The cells of ``v`` runs of samples (such as the videos of a corpus) that lie sorted by cell.

        Args:
            labels: int [v], -1 where hidden.
            corpora, methods: int [v], places in ``corpus_names`` and ``method_names``.
            sizes: int64 [v], the samples of each run; not all of them 0.
        """
        used = np.flatnonzero(sizes)
        labels, corpora, methods, sizes = (values[used] for values in (labels, corpora, methods, sizes))
        changes = np.diff(labels, prepend=-2) | np.diff(corpora, prepend=-1) | np.diff(methods, prepend=-1)
        firsts = np.flatnonzero(changes)
        names = tuple(
            CellName(corpus_names[corpus], LABEL_NAMES[label] if label >= 0 else "unknown", method_names[method])
            for label, corpus, method in zip(
                labels[firsts].tolist(), corpora[firsts].tolist(), methods[firsts].tolist(), strict=True
            )
        )
        totals = np.add.reduceat(sizes, firsts) if len(firsts) else np.empty(0, np.int64)
        return cls(names, np.cumsum(totals) - totals, totals.astype(np.int64))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[CellName, range]]:
        """Each cell's name and the indices of its samples."""
        for name, start, size in zip(self.names, self.starts.tolist(), self.sizes.tolist(), strict=True):
            yield name, range(start, start + size)

    def of(self, indices: np.ndarray) -> np.ndarray:
        """Which cell each of ``indices`` (int64 [n]) lies in, int64 [n]."""
        return np.searchsorted(self.starts, indices, side="right") - 1


def ranked(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """The place of each text among all that occur, sorted: int32 [n], and these texts by place."""
    codes = column.dictionary_encode().combine_chunks()
    if isinstance(codes, pa.ChunkedArray):  # not a single row
        return np.empty(0, np.int32), pa.array([], pa.string())
    order = pc.sort_indices(codes.dictionary)
    ranks = np.empty(len(order), np.int32)
    ranks[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    return ranks[codes.indices.to_numpy()], codes.dictionary.take(order)
