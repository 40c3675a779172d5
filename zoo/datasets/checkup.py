"""A corpus before anything is done with it: what it holds, what is broken, and how long it will take."""

from __future__ import annotations

import os
import shutil
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from zoo.datasets.corpora.reading import CorpusRead
from zoo.datasets.inspection import FRAMES, FileFacts, inspect_file
from zoo.jobs.executors import usable_cpus
from zoo.jobs.work import Task, run_tasks
from zoo.structures import LABEL_NAMES, VideoRecord

MOST_BY_DEFAULT: Final = 2_000
"""Files that are opened unless another number is asked for."""

_MEASURED: Final = 8  # videos whose decoding is timed
_TIMEOUT_S: Final = 120.0
_MEMORY_BYTES: Final = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Smallest, middle and largest of some values."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file that cannot be used: why in a word (``status``), and in words for the user."""

    video_id: str
    path: str
    status: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Checkup:
    """What was found.

    Attributes:
        corpus: name of the reader.
        videos: that the reader can use, before any of them was opened.
        counts: videos by (split, class, method); a split of None is no split, the class ``unknown`` no label.
        skipped: listed files that the reader cannot use, with the reason.
        excluded: number of videos in no split, by reason.
        repeated: rows that list a file again.
        opened: how many files were opened; of all, or of a random sample.
        faults: of the opened files, those that cannot be used.
        kinds, sizes, with_audio: of the others, how many of each kind and resolution, and with sound.
        duration_s, fps: of the videos among them; None where there are none.
        corpus_bytes: of all files of ``videos``.
        free_bytes: on the disk that holds the corpus.
        measured: how many videos or pictures were decoded for the estimate.
        decode_s: seconds of one worker for `FRAMES` frames of a video, or for a picture; the mean of those.
        workers: processes that the estimate counts on.
    """

    corpus: str
    videos: int
    counts: Mapping[tuple[str | None, str, str], int]
    skipped: Mapping[str, str]
    excluded: Mapping[str, int]
    repeated: int
    opened: int
    faults: Sequence[Fault] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    with_audio: int = 0
    duration_s: Range | None = None
    fps: Range | None = None
    corpus_bytes: int = 0
    free_bytes: int = 0
    measured: int = 0
    decode_s: float | None = None
    workers: int = 1

    @property
    def unlabelled(self) -> int:
        """Videos whose class is unknown."""
        return sum(count for (_, label, _), count in self.counts.items() if label == "unknown")

    @property
    def usable(self) -> bool:
        """Whether at least one of the opened files can be used."""
        return len(self.faults) < self.opened

    @property
    def sound(self) -> bool:
        """Whether nothing that is listed is missing or broken, as far as was looked."""
        return not self.faults and not self.skipped

    @property
    def estimate_s(self) -> float | None:
        """Estimated seconds to decode the corpus for preprocessing, without face detection; None if not measured."""
        return None if self.decode_s is None else self.decode_s * self.videos / self.workers

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "counts"},
            "counts": [
                {"split": split, "class": label, "method": method, "videos": count}
                for (split, label, method), count in sorted_counts(self.counts)
            ],
            "unlabelled": self.unlabelled,
            "frames_measured": FRAMES,
            "estimate_s": self.estimate_s,
        }


def check_corpus(
    read: CorpusRead,
    root: str | os.PathLike,
    *,
    sample: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
) -> Checkup:
    """Open the files of a corpus, all or a random sample, and measure what decoding them takes.

    Args:
        read: the corpus, see `zoo.datasets.corpora.reading.read_corpus`.
        root: where it is, for the free space.
        sample: how many files to open; at most `MOST_BY_DEFAULT` if None.
        seed: of the choice of these files.
        workers: processes; None for one a usable CPU, 0 for none but this one.
        on_progress: called with (done, total, failed).
    """
    chosen = _draw(read.records, MOST_BY_DEFAULT if sample is None else sample, seed=seed)
    tasks = [Task(r.video_id, (r.path, r.member, number < _MEASURED)) for number, r in enumerate(chosen)]
    paths = {record.video_id: record.path for record in chosen}
    facts: list[FileFacts] = []
    job = run_tasks(
        tasks,
        inspect_file,
        workers=workers,
        timeout_s=_TIMEOUT_S,
        memory_bytes=_MEMORY_BYTES,
        on_result=lambda _, value: facts.append(value),
        on_progress=on_progress,
    )
    timed = [item.decode_s for item in facts if item.decode_s is not None]
    return Checkup(
        corpus=read.name,
        videos=len(read.records),
        counts=dict(Counter((record.split, _class_of(record), record.method) for record in read.records)),
        skipped=dict(read.skipped),
        excluded=dict(Counter(read.excluded.values())),
        repeated=read.repeated,
        opened=len(tasks),
        faults=[
            Fault(video_id=failure.key, path=paths[failure.key], status=failure.status, reason=failure.reason)
            for failure in sorted(job.failed, key=lambda failure: failure.key)
        ],
        kinds=dict(Counter(item.kind for item in facts)),
        sizes=dict(Counter(f"{item.width}x{item.height}" for item in facts)),
        with_audio=sum(bool(item.has_audio) for item in facts),
        duration_s=_range(item.duration_s for item in facts),
        fps=_range(item.fps for item in facts),
        corpus_bytes=sum(_size_of(path) for path in {record.path for record in read.records}),
        free_bytes=shutil.disk_usage(Path(root)).free,
        measured=len(timed),
        decode_s=statistics.fmean(timed) if timed else None,
        workers=usable_cpus() if workers is None else max(workers, 1),
    )


def sorted_counts(counts: Mapping[tuple[str | None, str, str], int]) -> list[tuple[tuple[str | None, str, str], int]]:
    """``counts`` in the order train, val, test, none; real before fake; methods by name."""
    splits, classes = ("train", "val", "test", None), (*LABEL_NAMES, "unknown")
    return sorted(counts.items(), key=lambda item: (splits.index(item[0][0]), classes.index(item[0][1]), item[0][2]))


def _draw(records: Sequence[VideoRecord], count: int, *, seed: int) -> list[VideoRecord]:
    """``count`` of ``records`` in random order, or all, so that the first ones are a sample as well."""
    order = np.random.default_rng(seed).permutation(len(records))
    return [records[row] for row in order[:count]]


def _class_of(record: VideoRecord) -> str:
    return LABEL_NAMES[record.label] if record.label in (0, 1) else "unknown"


def _range(values: Iterable[float | None]) -> Range | None:
    known = sorted(value for value in values if value is not None)
    return Range(least=known[0], median=statistics.median(known), most=known[-1]) if known else None


def _size_of(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
