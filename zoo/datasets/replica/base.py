"""What all replicas share: claiming a folder, drawing what is missing in parallel, and the lists at the end."""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zoo.datasets.replica.photos import Photograph, astronaut, read_photographs
from zoo.datasets.replica.recordings import read_recordings
from zoo.errors import DataError
from zoo.files import sha256_of, sweep_partial_files, write_json
from zoo.jobs.work import Task, run_tasks

SETTINGS_FILE: Final = "replica.json"
TRUTH_FILE: Final = "truth.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSummary:
    """What :meth:`Replica.write` made: ``written`` of ``clips`` are new, the rest was there already; ``real`` of them
    are genuine."""

    clips: int
    real: int
    written: int
    identities: int
    photographs: int
    left_out: tuple[str, ...]


class Replica(ABC):
    """Writes a synthetic stand-in for a corpus, laid out as the corpus is downloaded.

    Equal arguments give equal bytes, whatever ``workers`` is. A subclass plans its ``clips`` before anything is drawn,
    says where each lies and draws one identity at a time.

    Args:
        identities: how many people.
        duration_s: length of every clip in seconds.
        seed: of everything drawn.
        photos: a folder of portraits to vary in addition to scikit-image's ``astronaut``.
        speech: a folder of WAV recordings, one subfolder a speaker, to use in place of synthesised speech.
        workers: processes; None for one a usable CPU, 0 to draw in this process.
    """

    note: str
    """What the files are and what they are not good for; stands in every file of settings."""

    slowest: float = 10.0
    """Seconds of work for a second of video before a worker counts as hung."""

    clips: Sequence[Any]

    def __init__(
        self,
        *,
        identities: int,
        duration_s: float,
        seed: int,
        photos: str | os.PathLike | None,
        speech: str | os.PathLike | None,
        workers: int | None,
    ):
        self.identities = identities
        self.duration_s = duration_s
        self.seed = seed
        self.photos = None if photos is None else Path(photos).resolve()
        self.speech = None if speech is None else Path(speech).resolve()
        self.workers = workers

    def write(
        self, root: str | os.PathLike, *, on_progress: Callable[[int, int, int], None] | None = None
    ) -> ReplicaSummary:
        """Write the tree below ``root``: media, the corpus's own lists, ``replica.json`` (the settings) and
        ``truth.json``.

        An interrupted replica is completed; a complete one is left as it is. ``on_progress`` hears how many identities
        are (done, in total, failed).

        Raises:
            DataError: ``root`` holds something else, the photographs or recordings cannot be used, or drawing failed.
            MissingDependency: scikit-image, or with ``photos`` facenet-pytorch, is not installed.
            WorkDirError: ``root`` cannot be written.
        """
        root = Path(root)
        if self.speech is not None:
            read_recordings(self.speech)  # a fault of theirs shows before anything is written
        photographs, left_out = self._photographs()
        self._claim(root)
        missing = [clip for clip in self.clips if not all((root / path).is_file() for path in self._paths(clip))]
        self._render(root, missing, photographs, on_progress)
        self._write_lists(root)
        write_json(root / TRUTH_FILE, {"note": self.note, "clips": [self._truth(clip) for clip in self.clips]})
        return ReplicaSummary(
            clips=len(self.clips),
            real=sum(self._is_real(clip) for clip in self.clips),
            written=len(missing),
            identities=self.identities,
            photographs=len(photographs),
            left_out=tuple(left_out),
        )

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What decides the content of the tree, as plain values."""

    @abstractmethod
    def _paths(self, clip: Any) -> Sequence[Path]:
        """The files that ``clip`` consists of, below the root."""

    @abstractmethod
    def _is_real(self, clip: Any) -> bool: ...

    @abstractmethod
    def _tasks(
        self, root: Path, clips: Sequence[Any], photographs: Sequence[Photograph]
    ) -> tuple[list[Task], Callable[[Any], Any], int]:
        """Tasks that draw ``clips``, the function that takes their payloads, and the most clips in one task."""

    @abstractmethod
    def _write_lists(self, root: Path) -> None:
        """Write the tables and splits that come with the corpus."""

    @abstractmethod
    def _truth(self, clip: Any) -> dict[str, object]:
        """All that is known of ``clip``, for ``truth.json``."""

    def _claim(self, root: Path) -> None:
        """Make ``root`` ours, or find that it is: the same settings, written before."""
        marker = root / SETTINGS_FILE
        mine = self.settings()
        if marker.is_file():
            try:
                there = json.loads(marker.read_text(encoding="utf-8"))["settings"]
            except (ValueError, KeyError, TypeError):
                there = {}
            if there == mine:
                sweep_partial_files(root)
                return
            other = [
                f"{name} {there.get(name)!r} instead of {mine[name]!r}"
                for name in mine
                if there.get(name) != mine[name]
            ]
            raise DataError(
                f"There is a replica with other settings already: {', '.join(other)}.",
                where=root,
                next_step="Choose another --output, or delete that folder first.",
            )
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise DataError(
                "The output exists and is no replica.",
                where=root,
                next_step="Choose an empty or new folder as --output.",
            )
        write_json(marker, {"note": self.note, "settings": mine})

    def _photographs(self) -> tuple[list[Photograph], list[str]]:
        more, left_out = ([], []) if self.photos is None else read_photographs(self.photos)
        return [astronaut(), *more], left_out

    def _render(
        self,
        root: Path,
        clips: Sequence[Any],
        photographs: Sequence[Photograph],
        on_progress: Callable[[int, int, int], None] | None,
    ) -> None:
        tasks, function, most = self._tasks(root, clips, photographs)
        report = run_tasks(
            tasks,
            function,
            workers=self.workers,
            timeout_s=60.0 + self.slowest * self.duration_s * most,
            on_progress=on_progress,
        )
        report.require(max_failed_fraction=0.0, where=root)


def digest_of(folder: Path | None) -> str | None:
    """Names and contents of the files below ``folder``, in 16 hexadecimal digits."""
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256_of(path)}\n".encode())
    return digest.hexdigest()[:16]
