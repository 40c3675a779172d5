"""What an audit found: counts and named examples by kind and pair of splits; as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from zoo.errors import DataError

VERSION: Final = 1
"""Of the audit: raised with every change of what counts as a leak, so that no saved result outlives its meaning."""

KINDS: Final[Mapping[str, str]] = {
    "identity": "people",
    "source_video": "source videos",
    "family": "families of an original and its fakes",
    "near_duplicate": "pairs of videos with near-duplicate frames",
    "known": "pairs of videos known to share a source",
}
"""Kinds of leaks, and what is counted of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One thing that crosses: its ``name``, and some of the videos on either side, ``n_first`` and ``n_second`` in all.

    Near duplicates have the number of alike pairs of ``frames``, the least ``distance`` of two, in bits, and
    ``explained``: whether the two videos are tied by an original or a source anyhow.
    """

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    n_first: int
    n_second: int
    frames: int | None = None
    distance: int | None = None
    explained: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """All that crosses between two ``splits`` in one way: ``count`` of what `KINDS` says, over ``videos`` videos."""

    kind: str
    splits: tuple[str, str]
    count: int
    videos: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A manifest that was audited, as its content was then."""

    path: str
    sha256: str
    split_hash: str
    crops: int
    videos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """What crosses splits, within and across the audited manifests.

    ``unknown_split`` videos are in no split and were not judged; ``unknown_examples`` names some. Crops were left out
    of the comparison of frames because they are ``flat_crops``, or because their hash is one of ``common_hashes``.
    ``resembling`` pairs of videos in two splits have too few near-duplicate crops to be duplicates.
    ``complete`` is False where the comparison was ended early: then near duplicates are counted too low.
    """

    manifests: tuple[Audited, ...]
    split_hash: str
    settings: Mapping[str, Any]
    leaks: tuple[Leak, ...]
    videos: Mapping[str, int]
    unknown_split: int
    unknown_examples: tuple[str, ...]
    flat_crops: int
    common_hashes: int
    common_crops: int
    resembling: int
    resembling_examples: tuple[str, ...]
    complete: bool

    @property
    def clean(self) -> bool:
        """Whether nothing was found to cross."""
        return not self.leaks

    def summary(self) -> str:
        """Counts by kind and pair of splits, in one line."""
        return "; ".join(f"{leak.count:,} {KINDS[leak.kind]} in {' and '.join(leak.splits)}" for leak in self.leaks)

    def to_json(self) -> dict[str, Any]:
        """Plain values: ``clean``, and the fields."""
        return {"version": VERSION, "clean": self.clean, **asdict(self)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> LeakReport:
        """The report out of what `to_json` gave.

        Raises:
            DataError: it is not that.
        """
        try:
            if saved["version"] != VERSION:
                raise DataError(f"The audit has version {saved['version']}, not {VERSION}.", next_step="Audit anew.")
            fields = {name: saved[name] for name in cls.__dataclass_fields__}
            fields["manifests"] = tuple(Audited(**facts) for facts in saved["manifests"])
            fields["unknown_examples"] = tuple(saved["unknown_examples"])
            fields["resembling_examples"] = tuple(saved["resembling_examples"])
            fields["leaks"] = tuple(_leak(leak) for leak in saved["leaks"])
            return cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"That is no saved audit: {error!r}.", next_step="Audit anew: zoo audit.") from error


def _leak(saved: Mapping[str, Any]) -> Leak:
    examples = [
        Example(**{**example, "first": tuple(example["first"]), "second": tuple(example["second"])})
        for example in saved["examples"]
    ]
    return Leak(**{**saved, "splits": tuple(saved["splits"]), "examples": tuple(examples)})
