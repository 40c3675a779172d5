"""A synthetic stand-in for WildDeepfake (Zi et al., 2020, arXiv:2101.01456), laid out as it is downloaded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

from zoo.datasets.replica.filming import FACES, File, VisualClip
from zoo.datasets.replica.manipulations.swap import IdentitySwap
from zoo.datasets.replica.visual import VisualReplica
from zoo.errors import ConfigError

ROOT_FOLDER: Final = "deepfake_in_the_wild"
_MANIPULATIONS: Final = (  # forgers on the internet use whatever there is; they take turns
    IdentitySwap(seam="poisson", detail=32),
    IdentitySwap(seam="feather", detail=44),
    IdentitySwap(seam="poisson"),
)
_SHARES: Final = {"train": 0.75, "test": 0.25}


class WildDeepfakeReplica(VisualReplica):
    """Writes a replica of WildDeepfake: ``{real,fake}_{train,test}/<n>.tar.gz``, an archive a video.

    An archive holds ``<n>/<label>/0/<frame>.png``: every fifth frame's face, cut out square at 224 pixels after JPEG.
    See :class:`VisualReplica` for the arguments; ``keyframe_every`` and ``absence`` have no use here.
    """

    corpus = "wilddeepfake"
    title = "WildDeepfake"

    def __init__(self, *, takes: int = 2, **options: Any):
        super().__init__(takes=takes, **options)
        if self.look.absence:
            raise ConfigError(
                "A sequence of cut-out faces has no moments without a face.",
                where="--absence",
                next_step="Leave it out for this corpus.",
            )

    def _plan(self) -> list[VisualClip]:
        clips, turn = [], 0
        numbers: Counter[str] = Counter()
        for split, pairs in self._dealt(_SHARES).items():
            for target, source in (way for pair in pairs for way in (pair, pair[::-1])):
                for take in range(self.takes):
                    real, fake = (_archive(label, split, numbers) for label in ("real", "fake"))
                    clips.append(VisualClip(identity=target, take=take, files=real, split=split))
                    clips.append(
                        VisualClip(
                            identity=target,
                            take=take,
                            files=fake,
                            split=split,
                            donor=(source, take),
                            method="wild",
                            manipulation=_MANIPULATIONS[turn % len(_MANIPULATIONS)],
                            touched=((0.0, self.duration_s),),
                        )
                    )
                    turn += 1
        return clips

    def _write_lists(self, root: Path) -> None:
        """The corpus comes without lists."""


def _archive(label: str, split: str, numbers: Counter[str]) -> tuple[File, ...]:
    folder = f"{label}_{split}"
    numbers[folder] += 1
    return (File(path=Path(ROOT_FOLDER, folder, f"{numbers[folder]}.tar.gz"), kind=FACES),)
