"""Whose faces a video shows: chains of sightings put together into people, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    people: Sequence[Sightings], rule: str, *, pictures: int, masks: Iterable[tuple[int, np.ndarray]] = ()
) -> list[Sightings]:
    """Those of ``people`` (most dominant first) that ``rule`` takes; none of none.

    Args:
        people: as `find_people` returns them.
        rule: one of `RULES`.
        pictures: how many pictures were searched.
        masks: what was manipulated: (number of the picture, uint8 [h, w] in the picture's own pixels); taken one at a
            time, and only by the rule that needs them.
    """
    if not people:
        return []
    if rule == "all":
        return [person for person in people if len(person.places) >= _OFTEN * pictures] or [people[0]]
    if rule == "manipulated" and len(people) > 1:
        shares = _shares_masked(people, masks)
        return [people[max(range(len(people)), key=shares.__getitem__)]]
    return [people[0]]


def _shares_masked(people: Sequence[Sightings], masks: Iterable[tuple[int, np.ndarray]]) -> list[float]:
    """Mean of the masks over each person's boxes; 0 for one of whom no picture has a mask."""
    seen: dict[int, list[tuple[int, np.ndarray]]] = {}
    for number, person in enumerate(people):
        for (picture, _), box in zip(person.places, person.boxes, strict=True):
            seen.setdefault(picture, []).append((number, box))
    values: list[list[float]] = [[] for _ in people]
    for picture, mask in masks:
        for number, box in seen.get(picture, ()):
            x1, y1, x2, y2 = np.rint(box).astype(int).clip(0)
            inside = mask[y1:y2, x1:x2]
            values[number].append(float(inside.mean()) if inside.size else 0.0)
    return [float(np.mean(one)) if one else 0.0 for one in values]


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
