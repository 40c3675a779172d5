"""A synthetic stand-in for DFDC (Dolhansky et al., 2020, arXiv:2006.07397), laid out as it is downloaded."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

import numpy as np

from zoo.datasets.replica.filming import File, VisualClip
from zoo.datasets.replica.manipulations.reenact import FaceReenactment
from zoo.datasets.replica.manipulations.swap import IdentitySwap
from zoo.datasets.replica.visual import VisualReplica
from zoo.errors import ConfigError
from zoo.files import atomic_write, write_json

# The corpus has eight ways of forging and does not tell which clip was made by which.
_MANIPULATIONS: Final = (
    IdentitySwap(seam="feather", detail=28),
    IdentitySwap(seam="poisson", detail=40),
    FaceReenactment(detail=36),
)
_SHARES: Final = {"train": 0.8, "test": 0.2}
_LETTERS: Final = np.array(list("abcdefghijklmnopqrstuvwxyz"))


class DFDCReplica(VisualReplica):
    """Writes a replica of DFDC: parts for training with ``metadata.json``, and ``test`` with ``labels.csv``.

    Each person has ``takes`` genuine clips and a fake of each, all with the sound of the genuine one, in one part.
    See :class:`VisualReplica` for the other arguments.

    Args:
        parts: folders ``dfdc_train_part_<n>``; there are no more than pairs of people for training.

    Raises:
        ConfigError: ``parts`` is below 1.
    """

    corpus = "dfdc"
    title = "DFDC"
    sound = True

    def __init__(self, *, takes: int = 2, parts: int = 2, **options: Any):
        super().__init__(takes=takes, **options)
        if parts < 1:
            raise ConfigError(f"{parts} parts cannot be written.", where="--parts", next_step="Ask for 1 or more.")
        self.parts = parts

    def settings(self) -> dict[str, object]:
        return super().settings() | {"parts": self.parts}

    def _plan(self) -> list[VisualClip]:
        clips, turn = [], 0
        for split, pairs in self._dealt(_SHARES).items():
            for number, pair in enumerate(pairs):
                folder = (
                    "test" if split == "test" else f"dfdc_train_part_{number // self.people_per_photo % self.parts}"
                )
                for target, source in (pair, pair[::-1]):
                    for take in range(self.takes):
                        real, fake = self._files(folder, target, take)
                        clips.append(VisualClip(identity=target, take=take, files=real, split=split))
                        clips.append(
                            VisualClip(
                                identity=target,
                                take=take,
                                files=fake,
                                split=split,
                                donor=(source, take),
                                method="DFDC",
                                manipulation=_MANIPULATIONS[turn % len(_MANIPULATIONS)],
                                touched=((0.0, self.duration_s),),
                            )
                        )
                        turn += 1
        return clips

    def _files(self, folder: str, target: int, take: int) -> tuple[tuple[File, ...], tuple[File, ...]]:
        """The genuine file and the fake one, called by ten random letters."""
        names = np.random.default_rng([self.seed, 12, target, take]).choice(_LETTERS, (2, 10))
        real, fake = ((File(path=Path(folder, f"{''.join(name)}.mp4")),) for name in names)
        return real, fake

    def _write_lists(self, root: Path) -> None:
        originals = {(clip.identity, clip.take): clip.files[0].path.name for clip in self.clips if clip.is_real}
        parts: dict[str, dict[str, dict[str, str | None]]] = {}
        tested = []
        for clip in self.clips:
            path = clip.files[0].path
            if clip.split == "test":
                tested.append((path.name, int(not clip.is_real)))
                continue
            parts.setdefault(path.parent.name, {})[path.name] = {
                "label": "REAL" if clip.is_real else "FAKE",
                "split": "train",
                "original": None if clip.is_real else originals[clip.identity, clip.take],
            }
        for part, table in parts.items():
            write_json(root / part / "metadata.json", dict(sorted(table.items())))
        if tested:
            with atomic_write(root / "test" / "labels.csv", "w") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([("filename", "label"), *sorted(tested)])
