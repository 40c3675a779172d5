"""Opening features, however they are kept."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import DataError
from zoo.features.layout import META
from zoo.features.npz_tree import LOOKED_FOR, NpzTree
from zoo.features.store import FeatureStore
from zoo.features.windows import FeatureSource


def open_features(root: str | os.PathLike, *, corpus: str | None = None, max_extra_rows: int = 2) -> FeatureSource:
    """The packed store or the npz tree at ``root``.

    Args:
        root: the folder.
        corpus: name of the corpus for a tree, which does not tell; see ``NpzTree``.
        max_extra_rows: see ``NpzTree``.

    Raises:
        DataError: neither, with all that was looked for.
    """
    folder = Path(root)
    if (folder / META).exists():
        return FeatureStore(folder)
    if NpzTree.recognises(folder):
        return NpzTree(folder, corpus=corpus, max_extra_rows=max_extra_rows)
    fault = "holds no features that are recognised" if folder.is_dir() else "does not exist"
    raise DataError(
        f"The data root {fault}. Looked for {META} (a feature store), {' and '.join(LOOKED_FOR)}.",
        where=folder.absolute(),
        next_step="Give the folder that tools/extract_features.py wrote, or the root of an npz tree.",
    )
