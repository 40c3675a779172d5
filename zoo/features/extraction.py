"""Many videos to one feature store: in parallel, resumable after a kill, every failure named."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from zoo.errors import DataError
from zoo.features.extractor import Extractor
from zoo.features.layout import INDEX, record_of
from zoo.features.pack import find_parts, read_index
from zoo.features.store import FeatureStoreWriter
from zoo.files import write_json
from zoo.jobs.work import Failure, Task, run_tasks
from zoo.structures import FAKE, REAL, VideoRecord

REPORT: Final = "extraction_report.json"
_FACTS: Final = ("corpus", "split", "label", "method", "identities", "source_videos", "fake_segments")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionReport:
    """What became of a list of videos. Written as ``extraction_report.json`` beside the features.

    Attributes:
        videos: in the list.
        ok: with features of at least one face.
        frames, frames_with_face: summed over all videos.
        extracted_now: the rest was in the store before.
        seconds: wall clock of this run.
        failures: every video without usable features: its status and what happened.
        left_out: files that the corpus lists and its reader could not use, with the reason.
        silent: ids of videos without sound, with the reason.
        incomplete: ids of videos of which the decoder lost something, with its summary.
    """

    videos: int
    ok: int
    frames: int
    frames_with_face: int
    extracted_now: int
    seconds: float
    failures: tuple[Failure, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    incomplete: Mapping[str, str] = field(default_factory=dict)

    @property
    def share_with_face(self) -> float:
        """Of all decoded frames, in [0, 1]."""
        return self.frames_with_face / self.frames if self.frames else 0.0

    @property
    def videos_per_second(self) -> float:
        """Of those extracted by this run."""
        return self.extracted_now / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict:
        """Plain values, with the shares."""
        return {**asdict(self), "share_with_face": self.share_with_face, "videos_per_second": self.videos_per_second}


def extract_all(
    records: Sequence[VideoRecord],
    output: str | os.PathLike,
    extractor: Extractor,
    *,
    workers: int | None = None,
    timeout_s: float = 900.0,
    memory_bytes: int | None = 4 << 30,
    retry_failed: bool = False,
    left_out: Mapping[str, str] = MappingProxyType({}),
    on_progress: Callable[[int, int, int], None] | None = None,
) -> ExtractionReport:
    """Extract the features of all ``records`` into the store at ``output``, then pack it and write the report.

    What the store holds already is not extracted again, so that a run that was killed is completed by repeating it;
    the result is the same as that of one undisturbed run. A video that cannot be used gets a row with its status
    (``no_face``, ``decode_error``, ``empty_file``, ``timeout``, ``crash``, ...) and no features.

    Args:
        records: the videos; a label of -1 is unknown.
        output: folder of the store.
        extractor: what computes the features; picklable.
        workers: processes; None for one a CPU, 0 for none but this one.
        timeout_s: wall-clock seconds for one video.
        memory_bytes: what a worker may allocate.
        retry_failed: extract anew what failed before.
        left_out: files that are no records, with the reason, for the report.
        on_progress: called with (done, total, failed).

    Raises:
        DataError: two records have one id, or the store was written by another extractor or says other things (split,
            label, ...) of a video than ``records``.
        WorkDirError: the store cannot be written.
    """
    begun = time.monotonic()
    _refuse_equal_ids(records)
    work = _Extraction(Path(output), extractor, extractor.fingerprint())
    writer = work.writer
    stored = _stored_rows(writer)
    _refuse_other_facts(records, stored, output)
    missing = [
        record
        for record in records
        if record.video_id not in stored or (retry_failed and stored[record.video_id]["status"] != "ok")
    ]
    by_id = {record.video_id: record for record in missing}
    work.release()
    job = run_tasks(
        [Task(record.video_id, record) for record in missing],
        work,
        workers=workers,
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
        on_progress=on_progress,
    )
    for failure in job.failed:
        ledger = {"reason": failure.reason, "details": failure.details}
        writer.add(by_id[failure.key], status=failure.status, ledger=ledger)
    writer.pack()
    rows = _stored_rows(writer)
    report = _report([rows[record.video_id] for record in records], len(missing), time.monotonic() - begun, left_out)
    write_json(Path(output) / REPORT, {**report.to_dict(), "fingerprint": writer.meta.fingerprint})
    return report


class _Extraction:
    """What a worker does with a record: extract and add to the store. Keeps its networks from video to video."""

    def __init__(self, output: Path, extractor: Extractor, fingerprint: dict):
        self.output = output
        self.extractor = extractor
        self.fingerprint = fingerprint
        self._writer: FeatureStoreWriter | None = None

    @property
    def writer(self) -> FeatureStoreWriter:
        if self._writer is None:
            self._writer = FeatureStoreWriter(
                self.output,
                fingerprint=self.fingerprint,
                visual_dim=self.extractor.visual.dim,
                audio_dim=self.extractor.audio.dim,
                saved_arrays=self.extractor.saved_arrays(),
            )
        return self._writer

    def release(self) -> None:
        """Forget the writer, so that a copy in a worker opens its own."""
        self._writer = None

    def __call__(self, record: VideoRecord) -> None:
        features = self.extractor.extract(record.path)
        self.writer.add(
            record,
            visual=features.visual,
            audio=features.audio,
            times=features.times,
            visual_mask=features.visual_mask,
            audio_mask=features.audio_mask,
            frame_labels=frame_labels(record, features.times),
            status=features.status,
            ledger=features.ledger,
        )


def frame_labels(record: VideoRecord, times: np.ndarray) -> np.ndarray | None:
    """int8 [t]: 0 = real, 1 = fake; None where the record does not tell which frames are fake."""
    if record.label == REAL:
        return np.full(len(times), REAL, np.int8)
    if record.label != FAKE or not record.fake_segments:
        return None
    labels = np.full(len(times), REAL, np.int8)
    for segment in record.fake_segments:
        labels[(times >= segment.start_s) & (times < segment.end_s)] = FAKE
    return labels


def _stored_rows(writer: FeatureStoreWriter) -> dict[str, dict[str, Any]]:
    """What the store's index says of every video, packed or not; a part goes before a packed row of the same id."""
    rows: dict[str, dict[str, Any]] = {}
    if writer.meta.pack is not None:
        packed = read_index(writer.root / writer.meta.pack / INDEX)
        rows |= {row["video_id"]: row for batch in packed.to_batches() for row in batch.to_pylist()}
    return rows | {part.row["video_id"]: part.row for part in find_parts(writer.root, writer.meta)}


def _report(
    rows: Sequence[Mapping[str, Any]], extracted_now: int, seconds: float, left_out: Mapping[str, str]
) -> ExtractionReport:
    frames = seen = 0
    failures, silent, incomplete = [], {}, {}
    for row in rows:
        video_id, status = row["video_id"], row["status"]
        ledger = json.loads(row["ledger"] or "{}")
        frames += ledger.get("frames", 0)
        seen += ledger.get("frames_with_face", 0)
        if status != "ok":
            reason = ledger.get("reason") or "No face was found in any sampled frame."
            failures.append(Failure(key=video_id, status=status, reason=reason, details=ledger.get("details", "")))
        if ledger.get("audio_status", "ok") != "ok":
            silent[video_id] = ledger["audio_status"]
        lossy = [
            part["summary"] for part in (ledger.get("video"), ledger.get("audio")) if part and not part["complete"]
        ]
        if lossy:
            incomplete[video_id] = "; ".join(lossy)
    return ExtractionReport(
        videos=len(rows),
        ok=len(rows) - len(failures),
        frames=frames,
        frames_with_face=seen,
        extracted_now=extracted_now,
        seconds=seconds,
        failures=tuple(failures),
        left_out=dict(left_out),
        silent=silent,
        incomplete=incomplete,
    )


def _refuse_equal_ids(records: Sequence[VideoRecord]) -> None:
    paths: dict[str, str] = {}
    for record in records:
        if record.video_id in paths:
            raise DataError(
                f"Two videos have the id {record.video_id!r}.",
                where=f"{paths[record.video_id]} and {record.path}",
                next_step="Ids are unique in a corpus; mend its reader, or rename one file.",
            )
        paths[record.video_id] = record.path


def _refuse_other_facts(
    records: Sequence[VideoRecord], stored: Mapping[str, Mapping[str, Any]], output: str | os.PathLike
) -> None:
    """A store keeps what it was told of a video; another split or label later would go unnoticed."""
    for record in records:
        if record.video_id not in stored:
            continue
        known = replace(record_of(stored[record.video_id]), path=record.path)
        differing = [name for name in _FACTS if getattr(known, name) != getattr(record, name)]
        if differing:
            name = differing[0]
            raise DataError(
                f"The store has {name} {getattr(known, name)!r} for {record.video_id!r}; now it is "
                f"{getattr(record, name)!r}.",
                where=output,
                next_step="Repeat the run with the options it was begun with, or extract into a new folder.",
            )
