"""What the replicas with visual manipulations share: their options, pairs of people, and splits between pairs."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from zoo.datasets.replica.base import Replica, digest_of
from zoo.datasets.replica.filming import BYSTANDERS, FilmTask, Look, VisualClip, film_clips
from zoo.datasets.replica.identity import FRAME, prepare
from zoo.datasets.replica.photos import Photograph
from zoo.errors import ConfigError, DataError
from zoo.jobs.work import Task


class VisualReplica(Replica):
    """A replica whose fakes are ``identities`` taken in pairs: each is the target of the other.

    A fake has, frame for frame, the wall, the head movement and the place of the genuine clip it was made of; both go
    through the same encoder. Every genuine clip has its fakes, and pairs do not cross splits.

    Args:
        identities: how many people, an even number.
        takes: clips of each of them, where the corpus has several.
        duration_s: length of every clip in seconds, 25 frames each.
        seed: of everything drawn.
        frame_size: width and height of the picture in pixels, even numbers.
        head_size: height in pixels of head and shoulders, the face being about half of it; None for as large as a small
            picture allows, and 0.6 of the shorter side of a large one.
        keyframe_every: longest distance of two keyframes in frames.
        second_person: share of clips, in [0, 1], with somebody else beside, whose face is genuine.
        absence: share of clips, in [0, 1], in which the head leaves the picture for a quarter of the time.
        photos: a folder of portraits to vary in addition to scikit-image's ``astronaut``.
        photo_share: (i, n) takes every n-th photograph from the i-th on, i from 1 to n, so that the replicas of n
            shares have no face in common; None takes all.
        people_per_photo: how many people in a row are invented after each photograph; they are in one split, and are
            swapped with those after one other photograph.
        speech: a folder of WAV recordings, one subfolder a speaker, to speak in place of synthesised speech.
        workers: processes; None for one a usable CPU, 0 to draw in this process.

    Raises:
        ConfigError: a size, a share or a number is out of range.
        DataError: the number of identities is odd or below two, or a clip is too short.
    """

    corpus: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 2
    sound: ClassVar[bool] = False
    single_take: ClassVar[bool] = False

    def __init__(
        self,
        *,
        identities: int = 20,
        takes: int = 1,
        duration_s: float = 2.0,
        seed: int = 0,
        frame_size: tuple[int, int] = (FRAME, FRAME),
        head_size: int | None = None,
        keyframe_every: int = 250,
        second_person: float = 0.0,
        absence: float = 0.0,
        photos: str | os.PathLike | None = None,
        photo_share: tuple[int, int] | None = None,
        people_per_photo: int = 1,
        speech: str | os.PathLike | None = None,
        workers: int | None = None,
    ):
        super().__init__(
            identities=identities, duration_s=duration_s, seed=seed, photos=photos, speech=speech, workers=workers
        )
        if people_per_photo < 1:
            raise ConfigError("A photograph is of at least 1 person.", where="--people-per-photo")
        block = 2 * people_per_photo
        if identities < 2 or identities % block:
            raise DataError(
                f"{identities} identities cannot be paired.",
                where="--identities",
                next_step=f"Ask for {max(block, -(-identities // block) * block)}.",
            )
        if duration_s < 1.0:
            raise DataError(
                f"A clip of {duration_s} s is too short.", where="--duration", next_step="Ask for 1 s or more."
            )
        if takes < 1 or keyframe_every < 1:
            raise ConfigError(
                "The number of takes and the distance of keyframes are at least 1.",
                where="--takes, --keyframe-every",
            )
        if self.single_take and takes > 1:
            raise ConfigError(f"{self.title} has one clip a person.", where="--takes", next_step="Leave it out.")
        if photo_share is not None and not 1 <= photo_share[0] <= photo_share[1]:
            raise ConfigError(
                f"There is no share {photo_share[0]} of {photo_share[1]}.",
                where="--photo-share",
                next_step="Give a number from 1 to that of the shares, as 2/3.",
            )
        self.photo_share = None if photo_share is None else (int(photo_share[0]), int(photo_share[1]))
        self.people_per_photo = people_per_photo
        self.takes = takes
        self.look = Look(
            duration_s=duration_s,
            frame_size=_checked_size(frame_size),
            head_size=_head_size(frame_size, head_size, second_person),
            keyframe_every=keyframe_every,
            second_person=_share(second_person, "--second-person"),
            absence=_share(absence, "--absence"),
            sound=self.sound,
            seed=seed,
        )
        self.slowest *= max(1.0, frame_size[0] * frame_size[1] / FRAME**2)
        self.note = (
            f"Synthetic replica of the layout of {self.title}: invented faces, planted forgeries. "
            "For demos and tests; no basis for any claim."
        )

    @cached_property
    def clips(self) -> list[VisualClip]:  # type: ignore[override]
        """Every clip, decided before anything is drawn."""
        return self._plan()

    @abstractmethod
    def _plan(self) -> list[VisualClip]: ...

    def settings(self) -> dict[str, object]:
        look = self.look
        return {
            "corpus": self.corpus,
            "version": self.version,
            "identities": self.identities,
            "takes": self.takes,
            "duration_s": self.duration_s,
            "seed": self.seed,
            "frame_size": list(look.frame_size),
            "head_size": look.head_size,
            "keyframe_every": look.keyframe_every,
            "second_person": look.second_person,
            "absence": look.absence,
            "photos": digest_of(self.photos),
            "people_per_photo": self.people_per_photo,
            "photo_share": None if self.photo_share is None else list(self.photo_share),
            "speech": digest_of(self.speech),
        }

    def _pairs(self) -> list[tuple[int, int]]:
        """Who is swapped with whom: all photographs, shuffled, and the people after both in their order."""
        each = self.people_per_photo
        order = np.random.default_rng([self.seed, 10]).permutation(self.identities // each).tolist()
        return [
            (one * each + n, other * each + n)
            for one, other in zip(order[::2], order[1::2], strict=True)
            for n in range(each)
        ]

    def _dealt(self, shares: Mapping[str, float]) -> dict[str, list[tuple[int, int]]]:
        """The pairs by split; people after one photograph are in one split."""
        return split_pairs(self._pairs(), shares, together=self.people_per_photo)

    def _photographs(self) -> tuple[list[Photograph], list[str]]:
        photographs, left_out = super()._photographs()
        if self.photo_share is None:
            return photographs, left_out
        number, shares = self.photo_share
        if not (own := photographs[number - 1 :: shares]):
            raise DataError(
                f"{len(photographs)} photograph(s) cannot be dealt out to {shares} shares.",
                where="--photo-share",
                next_step="Give more --photos, or ask for fewer shares.",
            )
        return own, left_out

    def _paths(self, clip: VisualClip) -> tuple[Path, ...]:
        return tuple(file.path for file in clip.files)

    def _is_real(self, clip: VisualClip) -> bool:
        return clip.is_real

    def _tasks(
        self, root: Path, clips: Sequence[VisualClip], photographs: Sequence[Photograph]
    ) -> tuple[list[Task], Callable[[Any], Any], int]:
        by_identity: dict[int, list[VisualClip]] = defaultdict(list)
        for clip in clips:
            by_identity[clip.identity].append(clip)
        people = {identity: self._people(own, len(photographs)) for identity, own in by_identity.items()}
        sitters = {number: prepare(photographs[number]) for number in set().union(*people.values())}
        tasks = [
            FilmTask(
                look=self.look,
                root=root,
                clips=tuple(own),
                sitters={number: sitters[number] for number in sorted(people[identity])},
                photographs=len(photographs),
                people_per_photo=self.people_per_photo,
                speech=self.speech,
            )
            for identity, own in by_identity.items()
        ]
        most = max((sum(len(clip.files) for clip in own) for own in by_identity.values()), default=0)
        return [Task(f"person {task.clips[0].identity}", task) for task in tasks], film_clips, most

    def _people(self, clips: Sequence[VisualClip], photographs: int) -> set[int]:
        """The photographs, by number, after which somebody in ``clips`` is drawn."""
        identities = {clip.identity for clip in clips} | {clip.donor[0] for clip in clips if clip.donor}
        if self.look.second_person:
            identities |= {BYSTANDERS + clip.identity for clip in clips}
        return {identity // self.people_per_photo % photographs for identity in identities}

    def _truth(self, clip: VisualClip) -> dict[str, object]:
        return {
            "paths": [file.path.as_posix() for file in clip.files],
            "identity": clip.identity,
            "take": clip.take,
            "split": clip.split,
            "label": int(not clip.is_real),
            "method": clip.method,
            "donor": None if clip.donor is None else list(clip.donor),
            "touched_s": [list(stretch) for stretch in clip.touched],
        }


def split_pairs(
    pairs: Sequence[tuple[int, int]], shares: Mapping[str, float], *, together: int = 1
) -> dict[str, list[tuple[int, int]]]:
    """``pairs`` in their order, dealt out by ``shares``, which name the splits, the most important one first.

    So many pairs in a row as ``together`` says, which divides their number, stay together. Every split has at least one
    such group as long as there are enough; the first split takes what rounding leaves.
    """
    first, *others = shares
    dealt: dict[str, list[tuple[int, int]]] = {first: []}
    left = list(pairs)
    for name in others:
        count = min(max(round(shares[name] * len(pairs) / together), 1), len(left) // together - 1) * together
        dealt[name], left = left[len(left) - count :], left[: len(left) - count]
    return dealt | {first: left}


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if min(width, height) < 96 or max(width, height) > 4096 or width % 2 or height % 2:
        raise ConfigError(
            f"A picture of {width} x {height} pixels cannot be drawn.",
            where="--frame-size",
            next_step="Give even sides from 96 to 4096 pixels.",
        )
    return int(width), int(height)


def _head_size(frame_size: tuple[int, int], wanted: int | None, second_person: float) -> int:
    width, height = frame_size
    largest = min(height, width // 2 if second_person else width)
    if wanted is None:
        return min(max(min(FRAME, height), round(0.6 * min(width, height))), largest)
    if not 64 <= wanted <= largest:
        raise ConfigError(
            f"A head of {wanted} pixels does not fit in {width} x {height}.",
            where="--head-size",
            next_step=f"Give 64 to {largest} pixels, or a larger --frame-size.",
        )
    return wanted


def _share(value: float, option: str) -> float:
    if not 0 <= value <= 1:
        raise ConfigError(f"{value} is no share.", where=option, next_step="Give a number from 0 to 1.")
    return float(value)
