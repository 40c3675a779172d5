"""What a replica contains: which picture goes with which sound, decided before anything is drawn.

Every stream of a fake is drawn from the distribution that the streams of genuine clips are drawn from, so that neither
stream alone can tell the classes apart. Two devices see to that. First, replaced streams are those of another genuine
clip of the same identity. Second, a shift is halved: an utterance has a reading that is half the offset early and one
that is half the offset late, with the sign drawn at random. A genuine clip takes the same reading for picture and
sound, a shifted one the two different readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from zoo.errors import DataError

GENUINE: Final = "A"
FAKES: Final = ("B", "C", "D")
MARGIN_S: Final = 1.0
"""How much longer than a clip its utterance is, on either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """How far picture and sound of a fake are apart.

    ``unrelated`` is the share of fakes made with another utterance; the rest is shifted by ``shift_s`` (least, most).
    ``half`` touches only one half of the clip. ``snr_db`` is the signal-to-noise ratio of the sound, ``gain`` the
    range of mouth openings in half mouth widths, ``movement`` the amount of head movement.
    """

    unrelated: float
    shift_s: tuple[float, float]
    half: bool
    snr_db: float
    gain: tuple[float, float]
    movement: float


DIFFICULTIES: Final[Mapping[str, Difficulty]] = MappingProxyType(
    {
        "easy": Difficulty(unrelated=1.0, shift_s=(0.4, 1.2), half=False, snr_db=40, gain=(0.8, 0.8), movement=0.5),
        "normal": Difficulty(unrelated=0.5, shift_s=(0.4, 1.2), half=False, snr_db=25, gain=(0.55, 0.95), movement=1.0),
        "hard": Difficulty(unrelated=0.0, shift_s=(0.12, 0.3), half=True, snr_db=10, gain=(0.55, 0.95), movement=1.0),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A stretch of an utterance: from ``start_s``, and from ``cut_s`` of the clip on ``jump_s`` further ahead."""

    utterance: int
    start_s: float
    cut_s: float
    jump_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One clip of one identity. ``pair`` numbers a genuine clip and the fake made of it; ``mouth`` is what the lips
    say and ``sound`` what is heard. ``touched_s`` is the interval that was manipulated, None for a genuine clip, and
    ``offset_s`` how much the lips lead the sound in it, None where they belong to different utterances."""

    identity: int
    pair: int
    category: str
    mouth: Reading
    sound: Reading
    touched_s: tuple[float, float] | None
    offset_s: float | None

    @property
    def video_fake(self) -> bool:
        return self.category in "CD"

    @property
    def audio_fake(self) -> bool:
        return self.category in "BD"


def plan_clips(*, clips: int, identities: int, difficulty: Difficulty, duration_s: float, seed: int) -> list[Clip]:
    """All clips of a replica: every identity has as many genuine as fake ones, and the kinds of fakes take turns.

    Raises:
        DataError: the numbers do not allow it.
    """
    if identities < 1 or clips < 2 * identities or clips % 2:
        raise DataError(
            f"{clips} clips of {identities} identities: an even number, at least two an identity, is needed.",
            where="--clips, --identities",
            next_step=f"Ask for {max(2 * identities, clips + clips % 2)} clips, or for fewer identities.",
        )
    if duration_s < 1.0:
        raise DataError(
            f"A clip of {duration_s} s is too short to hold a shift.",
            where="--duration",
            next_step="Ask for 1 s or more.",
        )
    pairs, extra = divmod(clips // 2, identities)
    planned = []
    turn = 0
    for identity in range(identities):
        own_pairs = pairs + (identity < extra)
        for pair in range(own_pairs):
            planned.append(_genuine(identity, pair, difficulty, duration_s, seed))
            planned.append(_fake(identity, pair, max(own_pairs, 3), FAKES[turn % 3], difficulty, duration_s, seed))
            turn += 1
    return planned


def _genuine(identity: int, pair: int, difficulty: Difficulty, duration_s: float, seed: int) -> Clip:
    one, _, _ = _readings(identity, pair, difficulty, duration_s, seed)
    return Clip(identity=identity, pair=pair, category="A", mouth=one, sound=one, touched_s=None, offset_s=None)


def _fake(
    identity: int, pair: int, utterances: int, category: str, difficulty: Difficulty, duration_s: float, seed: int
) -> Clip:
    rng = np.random.default_rng([seed, 1, identity, pair])
    other, third = (pair + 1 + rng.permutation(utterances - 1)[:2]) % utterances
    kept = int(third) if category == "D" else pair  # D replaces both streams, B and C keep one
    one, two, touched = _readings(identity, kept, difficulty, duration_s, seed)
    offset: float | None = one.start_s - two.start_s or one.jump_s - two.jump_s
    if rng.random() < difficulty.unrelated:
        two, _, _ = _readings(identity, int(other), difficulty, duration_s, seed)
        touched, offset = (0.0, duration_s), None
    mouth, sound = (one, two) if category == "B" else (two, one)
    if offset is not None and category != "B":
        offset = -offset
    return Clip(
        identity=identity,
        pair=pair,
        category=category,
        mouth=mouth,
        sound=sound,
        touched_s=touched,
        offset_s=offset,
    )


def _readings(
    identity: int, utterance: int, difficulty: Difficulty, duration_s: float, seed: int
) -> tuple[Reading, Reading, tuple[float, float]]:
    """The two readings of an utterance, half an offset to either side, and the interval in which they differ."""
    rng = np.random.default_rng([seed, 2, identity, utterance])
    start = MARGIN_S + rng.uniform(-0.3, 0.3)
    half_offset = rng.uniform(*difficulty.shift_s) / 2 * rng.choice([-1, 1])
    cut = duration_s * rng.uniform(0.45, 0.55)
    first_half = rng.random() < 0.5

    def reading(offset: float) -> Reading:
        if not difficulty.half:
            return Reading(utterance=utterance, start_s=start + offset, cut_s=duration_s, jump_s=0.0)
        if first_half:
            return Reading(utterance=utterance, start_s=start + offset, cut_s=cut, jump_s=-offset)
        return Reading(utterance=utterance, start_s=start, cut_s=cut, jump_s=offset)

    half = (0.0, cut) if first_half else (cut, duration_s)
    touched = half if difficulty.half else (0.0, duration_s)
    return reading(half_offset), reading(-half_offset), touched
