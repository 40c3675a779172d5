"""Whose faces a video shows: chains of sightings put together into people, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from zoo.errors import ConfigError, did_you_mean
from zoo.faces.appearance import likeness
from zoo.faces.track import Sightings

RULES: Final[Mapping[str, str]] = {
    "largest": "the face that is large for long",
    "all": "every face that is seen often enough",
    "manipulated": "the face under the corpus's mask; the largest where there is no mask",
}
"""Rules by which faces are chosen, and what each takes."""

_LIKE: Final = 0.75
"""Likeness of two means above which two chains are one person. Of 52 portraits of different people 99% of the pairs
are below 0.72; frames of one talking man have a median of 0.91 to each other."""

_OFTEN: Final = 0.1  # share of the pictures in which "all" wants a face to be seen


def check_rule(rule: str) -> str:
    """``rule`` if it is one of `RULES`, else ConfigError."""
    if rule not in RULES:
        raise ConfigError(
            f"No rule {rule!r} for choosing faces.{did_you_mean(rule, RULES)}",
            where="faces",
            next_step="Choose one of: " + "; ".join(f"{name} ({what})" for name, what in RULES.items()) + ".",
        )
    return rule


def find_people(chains: Sequence[Sightings], looks: Sequence[np.ndarray]) -> list[Sightings]:
    """One `Sightings` a person, the most dominant first.

    Chains that never share a picture and look alike are one person, seen again after a cut or a gap. The most
    dominant chain comes first and takes what is like it.

    Args:
        chains: of one video, as `zoo.faces.track.link_detections` returns them.
        looks: what was found looks like, [k, d] a picture.
    """
    people: list[list[Sightings]] = []
    seen: list[set[int]] = []  # in which pictures
    sums = np.zeros((len(chains), looks[0].shape[1] if len(looks) else 0), np.float32)  # of looks, a row a person
    for chain in sorted(chains, key=lambda item: (-item.dominance, item.places[0])):
        pictures = {picture for picture, _ in chain.places}
        mine = np.sum([looks[picture][face] for picture, face in chain.places], axis=0)
        alike = np.flatnonzero(likeness(_unit(sums[: len(people)]), _unit(mine[None]))[:, 0] >= _LIKE)
        number = next((int(person) for person in alike if seen[person].isdisjoint(pictures)), len(people))
        if number == len(people):
            people.append([])
            seen.append(set())
        people[number].append(chain)
        seen[number] |= pictures
        sums[number] += mine
    merged = [_merge(person) for person in people]
    return sorted(merged, key=lambda item: (-item.dominance, item.places[0]))


def choose_people(
    people: Sequence[Sightings], rule: str, *, pictures: int, masks: Mapping[int, np.ndarray] | None = None
) -> list[Sightings]:
    """Those of ``people`` (most dominant first) that ``rule`` takes; none of none.

    Args:
        people: as `find_people` returns them.
        rule: one of `RULES`.
        pictures: how many pictures were searched.
        masks: what was manipulated, by number of the picture: float32 [h, w] in [0, 1] in the picture's own pixels.
    """
    if not people:
        return []
    if rule == "all":
        return [person for person in people if len(person.places) >= _OFTEN * pictures] or [people[0]]
    if rule == "manipulated" and masks:
        return [max(people, key=lambda person: _share_masked(person, masks))]
    return [people[0]]


def _share_masked(person: Sightings, masks: Mapping[int, np.ndarray]) -> float:
    """Mean of the mask over the person's boxes, in [0, 1]."""
    shares = []
    for (picture, _), box in zip(person.places, person.boxes, strict=True):
        mask = masks.get(picture)
        if mask is not None:
            x1, y1, x2, y2 = np.rint(box).astype(int).clip(0)
            inside = mask[y1:y2, x1:x2]
            shares.append(float(inside.mean()) if inside.size else 0.0)
    return float(np.mean(shares)) if shares else 0.0


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _merge(parts: Sequence[Sightings]) -> Sightings:
    rows = sorted(
        (
            row
            for part in parts
            for row in zip(part.times, part.boxes, part.scores, part.points, part.sources, part.places, strict=True)
        ),
        key=lambda row: row[0],
    )
    return Sightings(*(list(column) for column in zip(*rows, strict=True)))
