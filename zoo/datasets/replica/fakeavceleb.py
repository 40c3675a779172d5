"""A synthetic stand-in for FakeAVCeleb v1.2 (Khalid et al., 2021, arXiv:2108.05080), laid out as it is downloaded.

It exercises code: readers, codecs, extraction, training. Nothing measured on it says anything about real forgeries.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from zoo.datasets.replica.identity import prepare
from zoo.datasets.replica.photos import Photograph, astronaut, read_photographs
from zoo.datasets.replica.plan import DIFFICULTIES, Clip, plan_clips
from zoo.datasets.replica.recordings import read_recordings
from zoo.datasets.replica.render import IdentityTask, render_identity
from zoo.errors import ConfigError, DataError, did_you_mean
from zoo.files import atomic_write, sha256_of, sweep_partial_files, write_json
from zoo.jobs.work import Task, run_tasks

VERSION: Final = 1
"""Raised whenever equal settings would give other files."""

NOTE: Final = (
    "Synthetic replica of the layout of FakeAVCeleb v1.2: invented faces, invented voices, planted forgeries. "
    "Race and gender are placeholders that fill the folder names. For demos and tests; no basis for any claim."
)

_SETTINGS_FILE: Final = "replica.json"
_TRUTH_FILE: Final = "truth.json"
_FOLDERS: Final = {
    "A": "RealVideo-RealAudio",
    "B": "RealVideo-FakeAudio",
    "C": "FakeVideo-RealAudio",
    "D": "FakeVideo-FakeAudio",
}
_METHODS: Final = {"A": "real", "B": "rtvc", "C": "wav2lip", "D": "wav2lip"}
_RACES: Final = ("African", "Asian (East)", "Asian (South)", "Caucasian (American)", "Caucasian (European)")
_GENDERS: Final = ("men", "women")
_COLUMNS: Final = ("source", "target1", "target2", "method", "category", "type", "race", "gender", "path", "")
_SLOWEST: Final = 10.0  # seconds of work for a second of video before a worker counts as hung
_TWICE_EVERY: Final = 50  # the original lists a few files twice


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSummary:
    """What :meth:`FakeAVCelebReplica.write` made: ``written`` of ``clips`` are new, the rest was there already."""

    clips: int
    written: int
    identities: int
    photographs: int
    left_out: tuple[str, ...]


class FakeAVCelebReplica:
    """Writes a replica of FakeAVCeleb.

    Equal arguments give equal bytes, whatever ``workers`` is. Every identity has as many genuine as fake clips, and
    both classes share codec settings, duration, loudness and the distributions of picture and sound (see
    ``zoo.datasets.replica.plan``).

    Args:
        difficulty: ``easy`` (fakes with unrelated sound, clean), ``normal`` (unrelated, or shifted by 0.4 to 1.2 s,
            noise at 25 dB) or ``hard`` (one half of the clip shifted by 0.12 to 0.3 s, noise at 10 dB).
        clips: how many videos, half of them genuine.
        identities: how many people; by default one for every twelve clips.
        duration_s: length of every clip in seconds.
        seed: of everything drawn.
        photos: a folder of portraits to vary in addition to scikit-image's ``astronaut``.
        speech: a folder of WAV recordings, one subfolder a speaker, to use in place of synthesised speech.
        workers: processes; None for one a usable CPU, 0 to draw in this process.

    Raises:
        ConfigError: an unknown difficulty.
        DataError: the numbers of clips and identities do not fit, or a clip is too short.
    """

    def __init__(
        self,
        *,
        difficulty: str = "normal",
        clips: int = 480,
        identities: int | None = None,
        duration_s: float = 3.0,
        seed: int = 0,
        photos: str | os.PathLike | None = None,
        speech: str | os.PathLike | None = None,
        workers: int | None = None,
    ):
        if difficulty not in DIFFICULTIES:
            raise ConfigError(
                f"No difficulty {difficulty!r}.{did_you_mean(difficulty, DIFFICULTIES)}",
                where="--difficulty",
                next_step=f"Choose one of: {', '.join(DIFFICULTIES)}.",
            )
        self.difficulty = difficulty
        self.identities = max(1, clips // 12) if identities is None else identities
        self.duration_s = duration_s
        self.seed = seed
        self.photos = None if photos is None else Path(photos).resolve()
        self.speech = None if speech is None else Path(speech).resolve()
        self.workers = workers
        self.clips = plan_clips(
            clips=clips,
            identities=self.identities,
            difficulty=DIFFICULTIES[difficulty],
            duration_s=duration_s,
            seed=seed,
        )

    def write(
        self, root: str | os.PathLike, *, on_progress: Callable[[int, int, int], None] | None = None
    ) -> ReplicaSummary:
        """Write the tree below ``root``: videos, ``meta_data.csv``, ``replica.json`` (the settings) and ``truth.json``.

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
        missing = [clip for clip in self.clips if not (root / clip_path(clip)).is_file()]
        self._render(root, missing, photographs, on_progress)
        _write_table(root / "meta_data.csv", self.clips)
        write_json(root / _TRUTH_FILE, {"note": NOTE, "clips": [_truth(clip) for clip in self.clips]})
        return ReplicaSummary(
            clips=len(self.clips),
            written=len(missing),
            identities=self.identities,
            photographs=len(photographs),
            left_out=tuple(left_out),
        )

    def settings(self) -> dict[str, object]:
        """What decides the content of the tree, as plain values."""
        return {
            "corpus": "fakeavceleb",
            "version": VERSION,
            "difficulty": self.difficulty,
            "clips": len(self.clips),
            "identities": self.identities,
            "duration_s": self.duration_s,
            "seed": self.seed,
            "photos": None if self.photos is None else _digest(self.photos),
            "speech": None if self.speech is None else _digest(self.speech),
        }

    def _claim(self, root: Path) -> None:
        """Make ``root`` ours, or find that it is: the same settings, written before."""
        marker = root / _SETTINGS_FILE
        if marker.is_file():
            try:
                there = json.loads(marker.read_text(encoding="utf-8"))["settings"]
            except (ValueError, KeyError, TypeError):
                there = {}
            mine = self.settings()
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
        write_json(marker, {"note": NOTE, "settings": self.settings()})

    def _photographs(self) -> tuple[list[Photograph], list[str]]:
        more, left_out = ([], []) if self.photos is None else read_photographs(self.photos)
        return [astronaut(), *more], left_out

    def _render(
        self,
        root: Path,
        clips: list[Clip],
        photographs: list[Photograph],
        on_progress: Callable[[int, int, int], None] | None,
    ) -> None:
        by_identity: dict[int, list[Clip]] = defaultdict(list)
        for clip in clips:
            by_identity[clip.identity].append(clip)
        sitters = {number: prepare(photographs[number]) for number in {i % len(photographs) for i in by_identity}}
        tasks = [
            IdentityTask(
                identity=identity,
                sitter=sitters[identity % len(photographs)],
                speech=self.speech,
                difficulty=DIFFICULTIES[self.difficulty],
                duration_s=self.duration_s,
                seed=self.seed,
                clips=tuple(own),
                paths=tuple(root / clip_path(clip) for clip in own),
            )
            for identity, own in by_identity.items()
        ]
        report = run_tasks(
            [Task(_name(task.identity), task) for task in tasks],
            render_identity,
            workers=self.workers,
            timeout_s=60.0 + _SLOWEST * self.duration_s * max(map(len, by_identity.values()), default=0),
            on_progress=on_progress,
        )
        report.require(max_failed_fraction=0.0, where=root)


def clip_path(clip: Clip) -> Path:
    """Where below the root ``clip`` lies."""
    race = _RACES[clip.identity % len(_RACES)]
    gender = _GENDERS[clip.identity // len(_RACES) % len(_GENDERS)]
    return Path(_FOLDERS[clip.category], race, gender, _name(clip.identity), _file_name(clip))


def _name(identity: int) -> str:
    return f"id{identity + 1:05d}"


def _digest(folder: Path) -> str:
    """Names and contents of the files below ``folder``, in 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256_of(path)}\n".encode())
    return digest.hexdigest()[:16]


def _file_name(clip: Clip) -> str:
    endings = {"A": "", "B": "_fake", "C": f"_{_name(clip.identity)}_wavtolip", "D": "_fake_wavtolip"}
    return f"{clip.pair + 1:05d}{endings[clip.category]}.mp4"


def _write_table(path: Path, clips: list[Clip]) -> None:
    """``meta_data.csv`` with the original's oddities: the trailing comma, the prefix, and a few files listed twice."""
    with atomic_write(path, "w") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for number, clip in enumerate(clips):
            folder = clip_path(clip).parent
            category, race, gender, name = folder.parts
            target = name if clip.video_fake else "-"
            prefixed = f"FakeAVCeleb/{folder.as_posix()}"
            method = _METHODS[clip.category]
            row = (name, target, "-", method, clip.category, category, race, gender, _file_name(clip), prefixed)
            table.writerows([row] * (2 if number % _TWICE_EVERY == 1 else 1))


def _truth(clip: Clip) -> dict[str, object]:
    return {
        "path": clip_path(clip).as_posix(),
        "identity": _name(clip.identity),
        "pair": clip.pair,
        "category": clip.category,
        "offset_s": clip.offset_s,
        "touched_s": clip.touched_s,
        "mouth": asdict(clip.mouth),
        "sound": asdict(clip.sound),
    }
