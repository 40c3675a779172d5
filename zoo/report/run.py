"""A finished run as the report sees it: what lies saved in its folder, and nothing else."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from zoo.errors import DataError
from zoo.metrics.aggregation import MEAN
from zoo.metrics.summary import LEVELS, summarize
from zoo.metrics.thresholded import DEFAULT_THRESHOLD
from zoo.predictions import read_predictions

_FIGURES: Final = (*LEVELS, "per_method", "per_corpus")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What report sections are made of.

    Attributes:
        name: the experiment's name.
        predictions: rows of the predictions file (columns of ``zoo.metrics.table.SCHEMA``), or None without one.
        results: what `tools/test.py` saved: figures, and facts on ``model``, ``checkpoint``, ``data``,
            ``environment`` and ``warnings``; each may be absent.
        curves: name to ``{iteration: value}``, logged while training: ``train/loss``, ``val/video/auc``, ...
        config: the text of the run's config, or None.
    """

    name: str
    predictions: pa.Table | None = None
    results: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    config: str | None = None

    @property
    def threshold(self) -> float:
        """The score from which a sample is called fake."""
        return self.results.get("threshold", DEFAULT_THRESHOLD)

    @property
    def aggregate(self) -> str:
        """How a video's score comes about, see `zoo.metrics.aggregation`."""
        return self.results.get("aggregate", MEAN)

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """All figures, computed again from the predictions; those of ``results`` where there are no predictions."""
        if self.predictions is None:
            return self.results
        return summarize(self.predictions, threshold=self.threshold, aggregate=self.aggregate)

    @cached_property
    def warnings(self) -> list[str]:
        """What a reader of the figures must know."""
        told = self.results.get("warnings", [])
        notes = [str(note.get("text", note)) if isinstance(note, Mapping) else str(note) for note in told]
        if any(_contradicts(self.results[key], self.summary.get(key)) for key in _FIGURES if key in self.results):
            notes.append("The saved results do not belong to the saved predictions; the figures are the predictions'.")
        return notes


def _contradicts(saved: Any, computed: Any) -> bool:
    """Whether two sets of figures differ in something that both have; what only one has came with another version."""
    if isinstance(saved, Mapping) and isinstance(computed, Mapping):
        return any(_contradicts(saved[key], computed[key]) for key in saved.keys() & computed.keys())
    return saved != computed


def read_run(
    folder: str | os.PathLike,
    *,
    predictions: str | os.PathLike | None = None,
    results: str | os.PathLike | None = None,
) -> Run:
    """Read what a run left in ``folder``: the scalars that it logged, its config, and what its evaluation saved.

    Args:
        folder: the work directory.
        predictions: the predictions file, if it is not ``predictions.parquet`` (or ``.csv``) in ``folder``.
        results: the results, if they are not ``results.json`` in ``folder``.

    Raises:
        DataError: no such folder, nothing of a run in it, or a file that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("No such run folder.", where=folder, next_step="Give the work directory of a run.")
    told = _read_results(folder / "results.json" if results is None else Path(results), optional=results is None)
    curves = _read_curves(folder)
    if predictions is None:
        usual = (folder / f"predictions{suffix}" for suffix in (".parquet", ".csv"))
        predictions = next((path for path in usual if path.is_file()), None)
    if predictions is None and not told and not curves:
        raise DataError(
            "Nothing to report: no predictions, no results and no training curves.",
            where=folder,
            next_step="Run tools/test.py CONFIG CHECKPOINT --work-dir with this folder, or train first.",
        )
    return Run(
        name=told.get("experiment") or folder.resolve().name,
        predictions=None if predictions is None else read_predictions(predictions),
        results=told,
        curves=curves,
        config=_read_config(folder),
    )


def _read_results(path: Path, *, optional: bool) -> dict[str, Any]:
    if optional and not path.is_file():
        return {}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"Cannot read the results: {error}", where=path, next_step="Run tools/test.py again."
        ) from error
    if not isinstance(results, dict):
        raise DataError("The results are not a JSON object.", where=path, next_step="Run tools/test.py again.")
    return results


def _read_curves(folder: Path) -> dict[str, dict[int, float]]:
    """The curves of all sessions of a run; of a step that a resumed one repeats, the later value counts."""
    curves: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("*/vis_data/scalars.json")):  # session folders are named by their time
        for entry in _entries(path):
            for name, value in entry.items():
                if name != "step" and isinstance(value, int | float) and math.isfinite(value):
                    curves.setdefault(name, {})[entry["step"]] = float(value)
    return {name: {step: points[step] for step in sorted(points)} for name, points in curves.items()}


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a log, one a line; a line cut off by a kill is passed over."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("step"), int):
            yield entry


def _read_config(folder: Path) -> str | None:
    found = [*folder.glob("*.py"), *folder.glob("*/vis_data/config.py")]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return None if newest is None else newest.read_text(encoding="utf-8", errors="replace")
