"""A synthetic stand-in for DeepFakeDetection (Google and Jigsaw, 2019), laid out as it is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from zoo.datasets.replica.faceforensics import COMPRESSIONS, chosen, encoded, mask_of
from zoo.datasets.replica.filming import VisualClip
from zoo.datasets.replica.manipulations.swap import IdentitySwap
from zoo.datasets.replica.visual import VisualReplica
from zoo.errors import ConfigError

SCENES: Final = (
    "talking_against_wall",
    "podium_speech_happy",
    "kitchen_still",
    "exit_phone_room",
    "outside_talking_still_laughing",
    "meeting_serious",
    "kitchen_pan",
    "walking_outside_cafe_disgusted",
)
_MANIPULATION: Final = IdentitySwap(seam="feather", detail=48)
_METHOD: Final = "DeepFakeDetection"
_SIGNS: Final = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))


class DFDReplica(VisualReplica):
    """Writes a replica of DFD: actors in ``takes`` scenes, a fake of each scene, no official split.

    See :class:`VisualReplica` for the other arguments.

    Args:
        compressions: of ``raw``, ``c23`` and ``c40``, H.264 at that constant rate factor.

    Raises:
        ConfigError: an unknown compression, more takes than there are scenes, or more than 99 actors.
    """

    corpus = "dfd"
    title = "DeepFakeDetection"

    def __init__(self, *, takes: int = 2, compressions: Sequence[str] = ("c23",), **options: Any):
        super().__init__(takes=takes, **options)
        if takes > len(SCENES) or self.identities > 99:
            raise ConfigError(
                f"{takes} scenes with {self.identities} actors do not fit the corpus's names.",
                where="--takes, --identities",
                next_step=f"Ask for at most {len(SCENES)} takes and 98 identities.",
            )
        self.compressions = chosen(compressions, COMPRESSIONS, "--compressions")

    def settings(self) -> dict[str, object]:
        return super().settings() | {"compressions": list(self.compressions)}

    def _plan(self) -> list[VisualClip]:
        clips = []
        for target, source in (way for pair in self._pairs() for way in (pair, pair[::-1])):
            for take in range(self.takes):
                name = f"{target + 1:02d}__{SCENES[take]}"
                files = encoded("original_sequences/actors", name, self.compressions)
                clips.append(VisualClip(identity=target, take=take, files=files))
                clips.append(self._fake(target, source, take))
        return clips

    def _fake(self, target: int, source: int, take: int) -> VisualClip:
        code = "".join(np.random.default_rng([self.seed, 11, target, take]).choice(_SIGNS, 8))
        folder = f"manipulated_sequences/{_METHOD}"
        name = f"{target + 1:02d}_{source + 1:02d}__{SCENES[take]}__{code}"
        return VisualClip(
            identity=target,
            take=take,
            files=(*encoded(folder, name, self.compressions), mask_of(folder, name)),
            donor=(source, take),
            method=_METHOD,
            manipulation=_MANIPULATION,
            touched=((0.0, self.duration_s),),
        )

    def _write_lists(self, root: Path) -> None:
        """The corpus comes without lists."""
