"""A corpus to face crops and their manifest: in parallel, resumable after a kill, every video accounted for."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from zoo.datasets.manifest import MANIFEST, SCHEMA, provenance_hash, write_manifest
from zoo.datasets.packs import PACKS, CropPacks
from zoo.datasets.preprocessing.accept import accept, printable
from zoo.datasets.preprocessing.contact_sheet import Missed
from zoo.datasets.preprocessing.crop_job import (
    UNFINISHED,
    CropJob,
    CropTask,
    Encoding,
    crop_folder,
    crops_are_there,
    known_faces,
)
from zoo.errors import DataError
from zoo.faces.pipeline import FaceCropper
from zoo.files import sweep_partial_files, write_json
from zoo.jobs.journal import Journal
from zoo.jobs.ownership import Ownership, folder_owner
from zoo.jobs.task import Executor
from zoo.jobs.work import Failure, Task, run_tasks
from zoo.structures import VideoRecord

JOURNAL: Final = "journal.jsonl"
REPORT: Final = "preprocess_report.json"
SETTINGS: Final = "preprocess.json"
_ROWS_A_BATCH: Final = 50_000

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessReport:
    """What became of a list of videos. Written as ``preprocess_report.json`` beside the manifest.

    Attributes:
        videos: in the list; ``with_crops`` of them gave at least one.
        done_now: cut by this run; the rest was there before.
        frames, frames_with_face: sampled frames, summed over all videos.
        crops: how many by split, then by class.
        detectors: how many crops each detector found.
        failures: every video without crops, with its status and reason.
        left_out: files that the corpus lists and its reader could not use, with the reason.
        notes: ids of videos about whose choice of faces something is to be known.
        incomplete: ids of videos of which the decoder lost something, with its summary.
        seconds: wall clock of this run.
    """

    videos: int
    with_crops: int
    done_now: int
    frames: int
    frames_with_face: int
    crops: Mapping[str, Mapping[str, int]]
    detectors: Mapping[str, int]
    failures: tuple[Failure, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    incomplete: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def share_with_face(self) -> float:
        """Of all sampled frames, in [0, 1]."""
        return self.frames_with_face / self.frames if self.frames else 0.0


def preprocess(
    records: Sequence[VideoRecord],
    output: str | os.PathLike,
    cropper: FaceCropper,
    *,
    encoding: Encoding | None = None,
    reuse_boxes: bool = False,
    left_out: Mapping[str, str] = MappingProxyType({}),
    executor: Executor | None = None,
    on_progress: Progress | None = None,
) -> PreprocessReport:
    """Cut the faces of all ``records`` out into ``output`` and write ``manifest.parquet`` and the report.

    What is there already is not cut again, so a run that was killed is completed by repeating it, and ends with the
    manifest of an undisturbed run, byte for byte. Crops lie at ``<split>/<real|fake>/<video_id>/<track>_<frame>.jpg``.

    Args:
        records: the videos.
        output: folder of the crops, owned by one run at a time.
        cropper: cuts the faces out; picklable.
        encoding: how crops are stored; JPEG at quality 95 by default.
        reuse_boxes: fakes whose `VideoRecord.original` is in the list are cut at its boxes, so that real and fake are
            cut alike.
        left_out: files that are no records, with the reason, for the report.
        executor: where the work is done; local processes, one a usable CPU, if None.
        on_progress: called with (done, total, failed).

    Raises:
        DataError: two records have one id, or ``output`` was begun with other settings.
        WorkDirError: ``output`` cannot be written, or another run owns it.
    """
    with folder_owner(output) as owner:
        return _preprocess(
            records,
            Path(output),
            cropper,
            encoding=encoding or Encoding(),
            reuse_boxes=reuse_boxes,
            left_out={printable(name): printable(reason) for name, reason in left_out.items()},
            executor=executor,
            on_progress=on_progress,
            owner=owner,
        )


def _preprocess(
    records: Sequence[VideoRecord],
    output: Path,
    cropper: FaceCropper,
    *,
    encoding: Encoding,
    reuse_boxes: bool,
    left_out: Mapping[str, str],
    executor: Executor | None,
    on_progress: Progress | None,
    owner: Ownership,
) -> PreprocessReport:
    begun = time.monotonic()
    job = CropJob(output, cropper, encoding)
    provenance = {**cropper.provenance(), "encoding": asdict(job.encoding), "reuse_boxes": reuse_boxes}
    by_id, failed = accept(records)
    fingerprint = _claim(output, provenance)
    shutil.rmtree(output / UNFINISHED, ignore_errors=True)
    for folder in (output, output / PACKS):
        sweep_partial_files(folder, below=False)
    packs = CropPacks(output)
    done_now = 0

    def is_there(key: str, value: Mapping[str, Any], reused: Collection[str]) -> bool:
        if value["folder"] != crop_folder(by_id[key]).as_posix():  # its split or label is another now
            shutil.rmtree(output / value["folder"], ignore_errors=True)
            return False
        if value["reused"] != (key in reused):  # its original was cut or lost only afterwards
            return False
        return packs.folders.get(value["folder"]) == len(value["names"]) or crops_are_there(output, value)

    for tasks in _stages(list(by_id.values()), reuse_boxes, output / JOURNAL, fingerprint):
        reused = {task.key for task in tasks if task.payload.known is not None}
        report = run_tasks(
            tasks,
            job,
            executor=executor,
            keep_values=True,
            is_done=partial(is_there, reused=reused),
            on_result=lambda *_: owner.check(),
            on_progress=on_progress,
            journal_path=output / JOURNAL,
            fingerprint=fingerprint,
        )
        failed += report.failed
        done_now += report.done
    with suppress(OSError):
        (output / UNFINISHED).rmdir()
    with Journal(output / JOURNAL, fingerprint=fingerprint) as values:
        failed_keys = {failure.key for failure in failed}
        kept = [key for key in by_id if key in values and key not in failed_keys]
        facts = _summary(len(records), kept, values, failed, done_now, left_out)
        write_manifest(output / MANIFEST, _table(by_id, kept, values), provenance=provenance)
    result = PreprocessReport(**facts, seconds=time.monotonic() - begun)
    write_json(output / REPORT, {**asdict(result), "share_with_face": result.share_with_face})
    return result


def missed_frames(records: Iterable[VideoRecord], output: str | os.PathLike) -> list[Missed]:
    """The sampled frames of ``records`` in which no face was found, as `preprocess` noted them in ``output``."""
    output = Path(output)
    provenance = json.loads((output / SETTINGS).read_text(encoding="utf-8"))
    with Journal(output / JOURNAL, fingerprint=provenance_hash(provenance)) as values:
        return [
            Missed(record, time_s)
            for record in records
            if record.video_id in values
            for time_s in values.value(record.video_id)["missed_s"]
        ]


def _claim(output: Path, provenance: Mapping[str, Any]) -> str:
    """Note how the crops of ``output`` are made, or find that they are made so; returns the settings' hash.

    Raises:
        DataError: they were made otherwise.
    """
    path = output / SETTINGS
    now = json.loads(json.dumps(provenance))
    if not path.is_file():
        write_json(path, now)
        return provenance_hash(now)
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(f"The settings of the crops cannot be read: {error}.", where=path) from error
    if other := sorted(name for name in {*there, *now} if there.get(name) != now.get(name)):
        changes = ", ".join(f"{name} {there.get(name)!r}, now {now.get(name)!r}" for name in other)
        raise DataError(
            f"The folder holds crops made in another way: {changes}.",
            where=output,
            next_step="Repeat the command with its first options, or choose a new --output.",
        )
    return provenance_hash(now)


def _stages(
    records: Sequence[VideoRecord], reuse_boxes: bool, journal_path: Path, fingerprint: str
) -> Iterator[list[Task]]:
    """The tasks, in lists to be done one after the other: a fake waits for the boxes of its original."""
    by_id = {record.video_id: record for record in records}
    waiting = [record for record in records if reuse_boxes and record.original in by_id]
    ids = {record.video_id for record in waiting}
    yield [Task(record.video_id, CropTask(record=record)) for record in records if record.video_id not in ids]
    if waiting:
        with Journal(journal_path, fingerprint=fingerprint) as values:
            originals = {record.original for record in waiting if record.original}
            known = {name: known_faces(values.value(name)) for name in sorted(originals) if name in values}
        yield [
            Task(record.video_id, CropTask(record=record, known=known.get(record.original or ""))) for record in waiting
        ]


def _table(by_id: Mapping[str, VideoRecord], kept: Sequence[str], values: Journal) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    rows: dict[str, list] = {name: [] for name in SCHEMA.names}
    for key in kept:
        _add_rows(rows, by_id[key], values.value(key))
        if len(rows["path"]) >= _ROWS_A_BATCH:
            batches.append(pa.RecordBatch.from_pydict(rows, schema=SCHEMA))
            rows = {name: [] for name in SCHEMA.names}
    batches.append(pa.RecordBatch.from_pydict(rows, schema=SCHEMA))
    return pa.Table.from_batches(batches, schema=SCHEMA)


def _add_rows(rows: dict[str, list], record: VideoRecord, value: Mapping[str, Any]) -> None:
    count = len(value["names"])
    same = {
        "video_id": record.video_id,
        "corpus": record.corpus,
        "split": record.split,
        "label": record.label,
        "method": record.method,
        "identities": sorted(record.identities),
        "source_videos": sorted(record.source_videos),
        "original": record.original,
    }
    for name, one in same.items():
        rows[name] += [one] * count
    for name in ("track", "position", "time_s", "box", "score", "detector"):
        rows[name] += value[name]
    rows["points"] += value.get("crop_points") or [None] * count
    rows["phash"] += [np.uint64(number) for number in value["phash"]]
    rows["path"] += [f"{value['folder']}/{name}" for name in value["names"]]
    rows["sample_id"] += [f"{record.video_id}#{name.rpartition('.')[0]}" for name in value["names"]]


def _summary(
    videos: int,
    kept: Sequence[str],
    values: Journal,
    failed: Sequence[Failure],
    done_now: int,
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    crops: dict[str, dict[str, int]] = {}
    detectors: dict[str, int] = {}
    notes, incomplete = {}, {}
    failures = list(failed)
    frames = seen = 0
    for key in kept:
        value = values.value(key)
        split, label, *_ = value["folder"].split("/")
        by_class = crops.setdefault(split, {})
        by_class[label] = by_class.get(label, 0) + len(value["names"])
        for name in value["detector"]:
            detectors[name] = detectors.get(name, 0) + 1
        frames += value["frames"]
        seen += value["frames_with_face"]
        if value["note"]:
            notes[key] = value["note"]
        if not value["ledger"]["complete"]:
            incomplete[key] = value["ledger"]["summary"]
        if value["status"] != "ok":
            reason = f"No face was found in {value['frames']} sampled frames."
            failures.append(Failure(key=key, status=value["status"], reason=reason))
    return {
        "videos": videos,
        "with_crops": videos - len(failures),
        "done_now": done_now,
        "frames": frames,
        "frames_with_face": seen,
        "crops": {split: dict(sorted(by_class.items())) for split, by_class in sorted(crops.items())},
        "detectors": dict(sorted(detectors.items())),
        "failures": tuple(sorted(failures, key=lambda failure: failure.key)),
        "left_out": dict(left_out),
        "notes": notes,
        "incomplete": incomplete,
    }
