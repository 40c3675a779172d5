"""A synthetic stand-in for FakeAVCeleb v1.2 (Khalid et al., 2021, arXiv:2108.05080), laid out as it is downloaded.

It exercises code: readers, codecs, extraction, training. Nothing measured on it says anything about real forgeries.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from zoo.datasets.replica.base import Replica, digest_of
from zoo.datasets.replica.identity import prepare
from zoo.datasets.replica.photos import Photograph
from zoo.datasets.replica.plan import DIFFICULTIES, GENUINE, Clip, plan_clips
from zoo.datasets.replica.render import IdentityTask, render_identity
from zoo.errors import ConfigError, did_you_mean
from zoo.files import atomic_write
from zoo.jobs.work import Task

VERSION: Final = 1
"""Raised whenever equal settings would give other files."""

NOTE: Final = (
    "Synthetic replica of the layout of FakeAVCeleb v1.2: invented faces, invented voices, planted forgeries. "
    "Race and gender are placeholders that fill the folder names. For demos and tests; no basis for any claim."
)

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
_TWICE_EVERY: Final = 50  # the original lists a few files twice


class FakeAVCelebReplica(Replica):
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

    note = NOTE

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
        super().__init__(
            identities=max(1, clips // 12) if identities is None else identities,
            duration_s=duration_s,
            seed=seed,
            photos=photos,
            speech=speech,
            workers=workers,
        )
        self.difficulty = difficulty
        self.clips = plan_clips(
            clips=clips,
            identities=self.identities,
            difficulty=DIFFICULTIES[difficulty],
            duration_s=duration_s,
            seed=seed,
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
            "photos": digest_of(self.photos),
            "speech": digest_of(self.speech),
        }

    def _paths(self, clip: Clip) -> tuple[Path, ...]:
        return (clip_path(clip),)

    def _is_real(self, clip: Clip) -> bool:
        return clip.category == GENUINE

    def _tasks(
        self, root: Path, clips: Sequence[Clip], photographs: Sequence[Photograph]
    ) -> tuple[list[Task], Callable[[IdentityTask], int], int]:
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
        most = max(map(len, by_identity.values()), default=0)
        return [Task(_name(task.identity), task) for task in tasks], render_identity, most

    def _write_lists(self, root: Path) -> None:
        _write_table(root / "meta_data.csv", self.clips)

    def _truth(self, clip: Clip) -> dict[str, object]:
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


def clip_path(clip: Clip) -> Path:
    """Where below the root ``clip`` lies."""
    race = _RACES[clip.identity % len(_RACES)]
    gender = _GENDERS[clip.identity // len(_RACES) % len(_GENDERS)]
    return Path(_FOLDERS[clip.category], race, gender, _name(clip.identity), _file_name(clip))


def _name(identity: int) -> str:
    return f"id{identity + 1:05d}"


def _file_name(clip: Clip) -> str:
    endings = {"A": "", "B": "_fake", "C": f"_{_name(clip.identity)}_wavtolip", "D": "_fake_wavtolip"}
    return f"{clip.pair + 1:05d}{endings[clip.category]}.mp4"


def _write_table(path: Path, clips: Sequence[Clip]) -> None:
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
