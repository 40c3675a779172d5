"""The trivial properties of many files: measured in parallel, resumable after a kill, every failure named."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.manifest import read_manifest
from zoo.datasets.shortcuts import FILE_CATEGORIES, FILE_FEATURES, file_features
from zoo.errors import DataError
from zoo.jobs.work import Failure, Task, run_tasks
from zoo.structures import VideoRecord

FACE_SIZE: Final = "face_size"
"""Median side of a video's face boxes, the root of their area, in pixels."""

_FINGERPRINT: Final = "trivial features 1"
_TIMEOUT_S: Final = 300.0
_MEMORY_BYTES: Final = 4 << 30


@dataclass(slots=True, kw_only=True)
class FeatureTable:
    """Properties of the records that could be measured; one that no file has is left out.

    Attributes:
        records: these, in the order given.
        numbers: name to float64 [n], NaN where a file does not have it.
        names: name to [n] texts, None where a file does not have it.
        failed: the others.
        resumed: how many were measured before.
    """

    records: Sequence[VideoRecord]
    numbers: Mapping[str, NDArray[np.float64]]
    names: Mapping[str, Sequence[str | None]]
    failed: Sequence[Failure] = field(default_factory=list)
    resumed: int = 0


def measure_files(
    records: Sequence[VideoRecord],
    *,
    workers: int | None = None,
    journal: str | os.PathLike | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
) -> FeatureTable:
    """The properties of the files of ``records``.

    Args:
        records: with unique ``video_id``.
        workers: processes; None for one a usable CPU, 0 for none but this one.
        journal: file that remembers what is measured, so that a second call measures the rest. A file whose size has
            changed is measured anew.
        on_progress: called with (done, total, failed).

    Raises:
        DataError: none of the files can be measured, or ``journal`` is another job's.
    """
    paths = {record.video_id: record.path for record in records}
    values: dict[str, Mapping[str, float | str]] = {}

    def unchanged(key: str, value: Mapping[str, float | str]) -> bool:
        try:
            same = Path(paths[key]).stat().st_size == value["file_size"]
        except OSError:
            return False
        if same:
            values[key] = value
        return same

    job = run_tasks(
        [Task(record.video_id, (record.path, record.member)) for record in records],
        file_features,
        workers=workers,
        timeout_s=_TIMEOUT_S,
        memory_bytes=_MEMORY_BYTES,
        on_result=values.__setitem__,
        on_progress=on_progress,
        journal_path=journal,
        fingerprint=_FINGERPRINT,
        keep_values=True,
        is_done=unchanged,
    )
    if records and not values:
        job.require(max_failed_fraction=0.0)
    measured = [record for record in records if record.video_id in values]
    rows = [values[record.video_id] for record in measured]
    there = {name for row in rows for name in row}
    return FeatureTable(
        records=measured,
        numbers={
            name: np.array([row.get(name, np.nan) for row in rows], np.float64)
            for name in FILE_FEATURES
            if name in there
        },
        names={name: [_text(row.get(name)) for row in rows] for name in FILE_CATEGORIES if name in there},
        failed=sorted(job.failed, key=lambda failure: failure.key),
        resumed=job.skipped_as_done,
    )


def face_sizes(path: str | os.PathLike, records: Sequence[VideoRecord]) -> NDArray[np.float64]:
    """`FACE_SIZE` of each of ``records``, [n], out of a manifest of crops; NaN where it has no crop of a video.

    Raises:
        DataError: no manifest, or one of other videos.
    """
    table = read_manifest(path, columns=("video_id", "corpus", "box")).table
    boxes = np.asarray(table["box"].combine_chunks().flatten(), dtype=np.float64).reshape(-1, 4)
    sides = np.sqrt(np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1))
    by_video: dict[str, list[float]] = {}
    for video_id, side in zip(table["video_id"].to_pylist(), sides.tolist(), strict=True):
        by_video.setdefault(video_id, []).append(side)
    found = np.array(
        [np.median(by_video[record.video_id]) if record.video_id in by_video else np.nan for record in records]
    )
    if np.all(np.isnan(found)):
        raise DataError(
            f"The manifest has none of the {len(records):,} audited videos.",
            where=path,
            next_step="Give the manifest that zoo preprocess wrote for this corpus.",
        )
    return found


def _text(value: float | str | None) -> str | None:
    return None if value is None else str(value)
