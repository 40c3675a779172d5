"""A synthetic stand-in for LAV-DF (Cai et al., 2022, arXiv:2204.06228), laid out as it is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from zoo.datasets.replica.filming import File, VisualClip
from zoo.datasets.replica.manipulations.reenact import FaceReenactment, MouthReenactment
from zoo.datasets.replica.manipulations.smooth import TextureSmoothing
from zoo.datasets.replica.manipulations.within import Within
from zoo.datasets.replica.render import FPS
from zoo.datasets.replica.shot import Manipulation
from zoo.datasets.replica.speech import RATE
from zoo.datasets.replica.visual import VisualReplica
from zoo.errors import ConfigError
from zoo.files import write_json

_SHARES: Final = {"train": 0.6, "test": 0.2, "dev": 0.2}
_KINDS: Final = ((True, True), (True, False), (False, True))  # picture, sound; they take turns
_APART_S: Final = 0.12
_OTHER_TAKE: Final = 100_000  # what the same person says elsewhere


class LAVDFReplica(VisualReplica):
    """Writes a replica of LAV-DF: one or two words of a genuine clip are replaced in picture, sound or both.

    The replaced stretches are other words of the same person: lips are drawn anew and smoothed, as by a network, and
    the voice is that of a vocoder, without the room's noise. Outside of them a fake has the pictures and samples of its
    original. Words begin and end at any millisecond: the sound does so exactly, the picture with the first frame whose
    time is not before it. See :class:`VisualReplica` for the other arguments.

    Args:
        stretch_s: least and greatest length of a replaced stretch in seconds.
        most_forged: share of the clip, in (0, 1], that all stretches together have at most.
        detail: rows of pixels in which a forged face is rendered whole, at least 8; None forges the mouth alone.

    Raises:
        ConfigError: lengths that are not in order or do not fit in the clip, or too little detail.
    """

    corpus = "lavdf"
    title = "LAV-DF"
    version = 3
    sound = True

    def __init__(
        self,
        *,
        takes: int = 2,
        duration_s: float = 3.0,
        stretch_s: tuple[float, float] = (0.3, 1.5),
        most_forged: float = 0.4,
        detail: int | None = None,
        **options: Any,
    ):
        super().__init__(takes=takes, duration_s=duration_s, **options)
        shortest, longest = (float(length) for length in stretch_s)
        room = min(most_forged * duration_s, duration_s - _APART_S)
        if not (0 < shortest <= min(longest, room) and 0 < most_forged <= 1):
            raise ConfigError(
                f"Stretches of {shortest} to {longest} s, at most {most_forged} of a clip of {duration_s} s, cannot be "
                "drawn.",
                where="--stretch, --most-forged",
                next_step="Give the shorter length first, and shorter ones or a longer --duration.",
            )
        self.stretch_s = (shortest, longest)
        self.most_forged = float(most_forged)
        if detail is not None and detail < 8:
            raise ConfigError(
                f"A face in {detail} rows cannot be drawn.", where="--detail", next_step="Give 8 or more."
            )
        self.detail = detail
        self.manipulation: Manipulation = (
            TextureSmoothing(after=MouthReenactment()) if detail is None else FaceReenactment(detail=detail)
        )

    def settings(self) -> dict[str, object]:
        return super().settings() | {
            "stretch_s": list(self.stretch_s),
            "most_forged": self.most_forged,
            "detail": self.detail,
        }

    def _plan(self) -> list[VisualClip]:
        clips, number, turn = [], 0, 0
        for split, pairs in self._dealt(_SHARES).items():
            for identity in (person for pair in pairs for person in pair):
                for take in range(self.takes):
                    real, fake = ((File(path=Path(split, f"{number + more:06d}.mp4")),) for more in (0, 1))
                    clips.append(VisualClip(identity=identity, take=take, files=real, split=split))
                    clips.append(self._fake(identity, take, fake, split, *_KINDS[turn % len(_KINDS)]))
                    number, turn = number + 2, turn + 1
        return clips

    def _fake(
        self, identity: int, take: int, files: tuple[File, ...], split: str, picture: bool, sound: bool
    ) -> VisualClip:
        periods = self._periods(identity, take)
        stretches = tuple((first_frame(begin), first_frame(end)) for begin, end in periods)
        manipulation: Manipulation | None = (
            Within(manipulation=self.manipulation, stretches=stretches) if picture else None
        )
        return VisualClip(
            identity=identity,
            take=take,
            files=files,
            split=split,
            donor=(identity, _OTHER_TAKE + take),
            generated=True,
            method="both" if picture and sound else "video" if picture else "audio",
            manipulation=manipulation,
            voiced=periods if sound else (),
            touched=periods,
        )

    def _periods(self, identity: int, take: int) -> tuple[tuple[float, float], ...]:
        """Start and end in seconds, whole milliseconds, of what is replaced, in order and apart from each other."""
        rng = np.random.default_rng([self.seed, 13, identity, take])
        whole = 1000 * self.look.frames // FPS
        apart, shortest = round(1000 * _APART_S), round(1000 * self.stretch_s[0])
        count = int(rng.integers(1, 3)) if whole >= 2000 else 1
        if shortest > min(self.most_forged * whole, whole - 2 * apart) / count:
            count = 1
        slot = whole // count
        longest = max(int(min(1000 * self.stretch_s[1], self.most_forged * slot)), shortest)
        periods = []
        for k in range(count):
            length = int(rng.integers(shortest, min(longest, slot - apart) + 1))
            begin = k * slot + int(rng.integers(0, slot - apart - length + 1))
            periods.append((begin / 1000, (begin + length) / 1000))
        return tuple(periods)

    def _write_lists(self, root: Path) -> None:
        originals = {(clip.identity, clip.take): clip.files[0].path.as_posix() for clip in self.clips if clip.is_real}
        frames = self.look.frames
        rows = [
            {
                "file": clip.files[0].path.as_posix(),
                "n_fakes": len(clip.touched),
                "fake_periods": [list(period) for period in clip.touched],
                "duration": frames / FPS,
                "original": None if clip.is_real else originals[clip.identity, clip.take],
                "modify_video": clip.manipulation is not None,
                "modify_audio": bool(clip.voiced),
                "split": clip.split,
                "video_frames": frames,
                "audio_channels": 1,
                "audio_frames": frames * RATE // FPS,
            }
            for clip in self.clips
        ]
        write_json(root / "metadata.json", rows)


def first_frame(time_s: float) -> int:
    """The first frame whose time is not before ``time_s``."""
    return -(-round(1000 * time_s) * FPS // 1000)
