"""All videos of a folder to where each is fake: resumable after a kill, every file accounted for."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from zoo.datasets.segments import read_segments, within
from zoo.errors import DataError
from zoo.files import sweep_partial_files, write_json
from zoo.inference.inputs import InputFile, Inputs
from zoo.inference.localizing import LocalizeJob
from zoo.jobs.journal import Journal
from zoo.jobs.ownership import folder_owner
from zoo.jobs.settings import claim_settings
from zoo.jobs.task import Executor, Task
from zoo.jobs.work import run_tasks
from zoo.structures import REAL, Segment

FORMAT: Final = "zoo-localization"
VERSION: Final = 1
JOURNAL: Final = "journal.jsonl"
SETTINGS: Final = "localization.json"
TIMELINES: Final = "timelines"
NO_VIDEO: Final = "no_video"
LEFT_OUT: Final = "left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizedFile:
    """What became of one file.

    Attributes:
        name: its path below the data.
        status: ``ok``, or why it has no segments.
        reason: of another status, in words; else what decoding lost.
        score: of the whole video, in [0, 1]; None unless ok.
        segments: proposed, best first, all that were kept.
        truth: None where it is not known.
        facts: ``duration_s``, ``frames``, ``frames_with_face``, ``audio_status``, ``unjudged``; empty where it could
            not be decoded.
        timeline: file of what a picture needs, or None.
    """

    name: str
    status: str
    reason: str = ""
    score: float | None = None
    segments: Sequence[Segment] = ()
    truth: Sequence[Segment] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    timeline: Path | None = None

    def above(self, threshold: float) -> list[Segment]:
        """The segments of at least that score, in order of time."""
        chosen = [one for one in self.segments if one.score >= threshold]
        return sorted(chosen, key=lambda one: (one.start_s, one.end_s))

    def to_dict(self, *, threshold: float) -> dict[str, Any]:
        """Plain values."""
        told = {"file": self.name, "status": self.status, "reason": self.reason, "score": self.score}
        truth = None if self.truth is None else [_plain(one, score=False) for one in self.truth]
        return {**told, **self.facts, "segments": [_plain(one) for one in self.above(threshold)], "truth": truth}


def localize_inputs(
    inputs: Inputs,
    job: LocalizeJob,
    *,
    folder: str | os.PathLike,
    settings: Mapping[str, Any],
    executor: Executor,
    truths: Mapping[str, Any] | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
) -> list[LocalizedFile]:
    """Where each of ``inputs`` is fake; what ``folder`` remembers of an earlier run is not done again.

    Files that failed are tried again; a file whose size or time of change is another now is done anew.

    Args:
        inputs: videos; what is none gets a status that says so.
        job: does one, and writes below ``folder``.
        folder: where the run keeps what it has, owned by one run at a time.
        settings: what shapes the results, as plain values.
        executor: where the work is done.
        truths: name of a file to its true segments, ``[[start_s, end_s], ...]``; others are known from a corpus.
        on_progress: called with (done, total, failed).

    Raises:
        DataError: ``folder`` was begun with other settings, or ``truths`` are no segments or of other files.
        WorkDirError: it cannot be written, or another run owns it.
    """
    folder, truths = Path(folder), truths or {}
    names = {file.name for file in inputs.files}
    if strange := sorted(set(truths) - names):
        raise DataError(
            f"The truth names {strange[0]!r}, which is not among the files.",
            where="truth",
            next_step="Names are paths below the input, such as " + repr(min(names)) + ".",
        )
    truth_of = {name: read_segments(value, where=f"truth of {name}") for name, value in truths.items()}
    videos = [file for file in inputs.files if file.kind == "video" and file.record is not None]
    stamps = {file.name: list(file.stamp) for file in videos}
    with folder_owner(folder):
        (folder / TIMELINES).mkdir(exist_ok=True)
        what = f"The segments in {folder.name} were found in another way"
        claim_settings(folder / SETTINGS, settings, conflict=what, another="a new --output, or delete this folder")
        for place in (folder, folder / TIMELINES, folder.parent):
            sweep_partial_files(place, below=False)
        report = run_tasks(
            [Task(file.name, (file.record, file.stamp)) for file in videos],
            Stamped(job),
            executor=executor,
            journal_path=folder / JOURNAL,
            keep_values=True,
            is_done=lambda name, value: value["stamp"] == stamps[name],
            on_progress=on_progress,
        )
        with Journal(folder / JOURNAL) as journal:
            values = {name: journal.value(name) for name in stamps if name in journal}
    failures = {one.key: one for one in report.failed}
    files = []
    for file in inputs.files:
        if (failure := failures.get(file.name)) is not None:
            files.append(LocalizedFile(name=file.name, status=failure.status, reason=failure.reason))
        elif file.name not in values:
            reason = "It is no video: where in time can only be asked of one."
            files.append(LocalizedFile(name=file.name, status=NO_VIDEO, reason=reason))
        else:
            truth = truth_of.get(file.name, _told(file))
            files.append(_file(file, values[file.name], truth, folder / TIMELINES))
    files += [LocalizedFile(name=name, status=LEFT_OUT, reason=reason) for name, reason in inputs.left_out.items()]
    return sorted(files, key=lambda one: one.name)


def write_localization(
    path: str | os.PathLike, files: Sequence[LocalizedFile], *, threshold: float, settings: Mapping[str, Any]
) -> None:
    """Write what became of ``files`` as JSON: every file with its status, and how many there are of each.

    Raises:
        WorkDirError: the file cannot be written.
    """
    statuses = Counter(one.status for one in files)
    write_json(
        path,
        {
            "format": FORMAT,
            "version": VERSION,
            "settings": {**settings, "threshold": threshold},
            "statuses": dict(sorted(statuses.items())),
            "files": [one.to_dict(threshold=threshold) for one in files],
        },
    )


def read_truth(path: str | os.PathLike) -> dict[str, Any]:
    """True segments by name of the file: JSON ``{"clip.mp4": [[1.2, 1.9]], "genuine.mp4": []}``.

    Raises:
        DataError: it cannot be read or is something else.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"The truth cannot be read: {error}.", where=path) from error
    if not isinstance(value, dict):
        raise DataError(
            "The truth is no JSON object.", where=path, next_step='Write {"clip.mp4": [[start_s, end_s], ...], ...}.'
        )
    return value


class Stamped:
    """A job whose values carry the stamp of the file that they are of."""

    def __init__(self, job: LocalizeJob):
        self.job = job

    def __call__(self, payload: tuple[Any, tuple[int, int]]) -> dict[str, Any]:
        record, stamp = payload
        return {**self.job(record), "stamp": list(stamp)}


def _file(file: InputFile, value: Mapping[str, Any], truth: Sequence[Segment] | None, timelines: Path) -> LocalizedFile:
    facts = ("duration_s", "frames", "frames_with_face", "audio_status", "unjudged")
    if truth is not None:
        truth = _within(truth, value["duration_s"], where=f"truth of {file.name}")
    return LocalizedFile(
        name=file.name,
        status=value["status"],
        reason=_REASONS.get(value["status"], value["note"]) if value["status"] != "ok" else value["note"],
        score=value["score"],
        segments=[Segment(*row) for row in value["segments"]],
        truth=truth,
        facts={name: value[name] for name in facts},
        timeline=timelines / value["timeline"],
    )


_REASONS: Final[Mapping[str, str]] = {
    "no_face": "No face was found in any frame.",
    "no_audio": "The detector looks at picture and sound together, and the file has no sound.",
    "no_overlap": "The detector looks at picture and sound together, and there is never both.",
}


def _told(file: InputFile) -> Sequence[Segment] | None:
    """What the corpus says of a file; None where it says nothing."""
    record = file.record
    if record is None or record.label < 0:
        return None
    return record.fake_segments if record.fake_segments or record.label == REAL else None


def _within(truth: Sequence[Segment], duration_s: float, *, where: str) -> list[Segment]:
    """``truth`` cut off where the video ends; one that is far beyond is refused."""
    read_segments([[one.start_s, one.end_s] for one in truth], where=where, duration_s=duration_s)
    return list(within(truth, start_s=0.0, end_s=duration_s))


def _plain(one: Segment, *, score: bool = True) -> dict[str, Any]:
    return {
        "start_s": round(one.start_s, 4),
        "end_s": round(one.end_s, 4),
        **({"score": round(one.score, 4)} if score else {}),
        "modality": one.modality,
    }
