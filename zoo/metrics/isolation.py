"""Whether what is evaluated was seen before: videos, people and sources that training or validation knew too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zoo.metrics.known_videos import KnownVideo, match, person_of

_EXAMPLES: Final = 3
SHARED: Final[Mapping[str, str]] = {
    "videos": "are themselves in",
    "sources": "share a source video with",
    "identities": "show a person of",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What evaluated videos share with videos known before.

    Attributes:
        shared: of `SHARED`, how many evaluated videos, each kind apart.
        examples: a few shared names of each kind.
        known: number of videos known before.
        without_people: evaluated videos of which no person is known, so that people were not compared.
    """

    shared: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]
    known: int
    without_people: int

    @property
    def clean(self) -> bool:
        return not any(self.shared.values())

    def facts(self) -> dict[str, Any]:
        """Plain values for results."""
        return {
            "known_videos": self.known,
            "shared": dict(self.shared),
            "examples": {kind: list(names) for kind, names in self.examples.items()},
            "evaluated_videos_without_identities": self.without_people,
        }


def isolation(
    videos: Sequence[tuple[str, str, str]], *, seen: Sequence[KnownVideo], told: Sequence[KnownVideo] = ()
) -> Isolation:
    """Compare evaluated ``videos`` (corpus, method, video_id) with those ``seen`` before.

    Args:
        videos: what is evaluated.
        seen: videos of training or validation.
        told: what is known of the evaluated videos: their people and sources.
    """
    with_corpus = all(item.corpus for item in (*seen, *told))
    mine = match(videos, told)

    def named(corpus: str | None, names: Iterable[str]) -> set[str]:
        return {person_of(corpus if with_corpus else None, name) for name in names}

    people = {name for item in seen for name in named(item.corpus, item.identities)}
    sources = {name for item in seen for name in named(item.corpus, {item.video_id, *item.sources})}
    same = match(videos, seen)
    tests: dict[str, Callable[[int], set[str]]] = {
        "videos": lambda row: {item.video_id for item in same[row]},
        "sources": lambda row: (
            sources & named(videos[row][0], {videos[row][2], *(name for item in mine[row] for name in item.sources)})
        ),
        "identities": lambda row: (
            people & named(videos[row][0], (name for item in mine[row] for name in item.identities))
        ),
    }
    shared = dict.fromkeys(SHARED, 0)
    examples: dict[str, list[str]] = {kind: [] for kind in SHARED}
    for row in range(len(videos)):
        for kind, common in tests.items():
            if names := common(row):
                shared[kind] += 1
                first = min(names)
                if len(examples[kind]) < _EXAMPLES and first not in examples[kind]:
                    examples[kind].append(first)
    unknown = sum(not any(item.identities for item in found) for found in mine)
    return Isolation(shared=shared, examples=examples, known=len(seen), without_people=unknown)


def seen_before(known: Iterable[KnownVideo]) -> tuple[list[KnownVideo], list[KnownVideo]]:
    """A list parted into what training and validation saw (all of it, if it names no splits) and the rest."""
    videos = list(known)
    if not any(item.split for item in videos):
        return videos, []
    seen = [item for item in videos if item.split in ("train", "val")]
    return seen, [item for item in videos if item.split not in ("train", "val")]
