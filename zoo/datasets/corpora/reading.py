"""From a path to its videos: which corpus it is, and splits where the corpus has none."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from zoo.datasets.corpora.grouping import check_ratios, connected_groups, split_groups
from zoo.datasets.splits import SPLITS
from zoo.errors import ConfigError, DataError, did_you_mean
from zoo.plugins import catalog
from zoo.registry import REGISTRIES, build
from zoo.structures import VideoRecord

_LOGGER: Final = logging.getLogger(__name__)
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRead:
    """The videos at a path.

    Attributes:
        name: of the reader, as configs name it.
        records: the videos, sorted by ``video_id``.
        skipped: files that are listed and cannot be used, with the reason.
        excluded: files that are in no split, with the reason; they are no fault.
        repeated: rows that list a file again.
    """

    name: str
    records: Sequence[VideoRecord]
    skipped: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0


def find_corpus(input: str | os.PathLike, name: str | None = None) -> str:
    """The reader to use for ``input``, as configs name it.

    Args:
        input: a corpus as downloaded, a folder, or a file.
        name: of a reader, in any case of letters and with its plugin's scope or not; None to recognise the tree.
            A reader that takes any folder (``generic``) is used only where no other recognises it.

    Raises:
        UnknownComponent: no reader has that ``name``.
        ConfigError: several readers recognise the tree.
        DataError: none does; the error names what each looked for.
    """
    if name is not None:
        return _named(name)
    readers = dict(_readers())
    for generic in (False, True):
        found = [
            key for key, reader in readers.items() if reader.generic == generic and _recognises(key, reader, input)
        ]
        if generic and "VideoFolder" in found:  # pictures beside videos are thumbnails
            return "VideoFolder"
        if len(found) > 1:
            raise ConfigError(
                f"The input looks like {' and '.join(found)}.", where=input, next_step="Name one with --corpus."
            )
        if found:
            return found[0]
    looked_for = "\n".join(f"  - {key}: {', '.join(reader.looked_for)}" for key, reader in readers.items())
    there = os.path.lexists(input)
    raise DataError(
        f"{'No corpus is recognised here' if there else 'The input does not exist'}. Looked for:\n{looked_for}",
        where=input,
        next_step="Give the folder that holds one of these, as downloaded and unpacked, or name it with --corpus.",
    )


def read_corpus(
    input: str | os.PathLike,
    *,
    corpus: str | None = None,
    options: Mapping[str, Any] = _NONE,
    split_ratio: Mapping[str, float] | None = None,
    seed: int = 0,
    max_skipped: float | None = None,
) -> CorpusRead:
    """The videos at ``input``, with their official splits where there are any.

    Args:
        input: a corpus as downloaded, a folder of videos or pictures, or one video.
        corpus: name of its reader; recognised if None.
        options: arguments of the reader.
        split_ratio: split name to share (see `split_shares`), for corpora without official splits. A reader that
            knows which videos belong together uses it; else people, sources and originals are kept together here.
        seed: of splits that are computed.
        max_skipped: the largest share of listed files that may be missing or unreadable; the reader's own if None.

    Raises:
        UnknownComponent, ConfigError, DataError: as in `find_corpus`; the reader refuses its arguments or the tree.
    """
    name = find_corpus(input, corpus)
    known = inspect.signature(REGISTRIES["corpus"].get(name)).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    if (unknown := sorted(options.keys() - known.keys())) and not takes_any:
        raise ConfigError(
            f"{name} has no argument {unknown[0]!r}.{did_you_mean(unknown[0], known)}",
            where="--corpus-options",
            next_step=f"Run: zoo info {name}",
        )
    if split_ratio is not None:
        check_ratios(split_ratio)
    given = {"ratios": split_ratio, "seed": seed, "max_skipped": max_skipped}
    defaults = {key: value for key, value in given.items() if key in known and value is not None}
    scan = build("corpus", {"type": name, **defaults, **options}).scan(input)
    records: Sequence[VideoRecord] = scan.records
    if split_ratio is not None and all(record.split is None for record in records):
        records = _with_splits(records, split_ratio, seed=seed, where=input)
    return CorpusRead(name=name, records=records, skipped=scan.skipped, excluded=scan.excluded, repeated=scan.repeated)


def split_shares(text: str) -> dict[str, float]:
    """``0.8`` as shares of train and val, ``0.7,0.15,0.15`` as those of train, val and test; a type for argparse.

    Raises:
        ValueError: not one share below 1, nor three that sum to 1.
    """
    shares = [float(part) for part in text.split(",")]
    if len(shares) == 1:
        shares.append(1 - shares[0])
    elif len(shares) != len(SPLITS):
        raise ValueError(text)
    if not min(shares) > 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(text)
    return dict(zip(SPLITS, shares, strict=False))


def what_is_looked_for() -> dict[str, tuple[str, ...]]:
    """Every reader that loads, and the patterns that mark its corpus."""
    return {name: tuple(reader.looked_for) for name, reader in _readers()}


def _named(name: str) -> str:
    if (item := catalog().find(name, "corpus")) is not None:
        return item.name
    names = catalog().names("corpus")
    by_lower = {_letters(key): key for key in names}
    by_prefix = {reader.name.lower(): key for key, reader in _readers()}  # ff++, as in video ids
    found = by_lower.get(_letters(name)) or by_prefix.get(name.lower())
    return catalog().require(name, "corpus").name if found is None else found


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _readers() -> Iterator[tuple[str, Any]]:
    """Name and class of every reader that can be imported; one that cannot is warned of."""
    for name in catalog().names("corpus"):
        try:
            reader = REGISTRIES["corpus"].get(name)
            reader.name, reader.generic, reader.looked_for  # noqa: B018
        except Exception as error:
            _LOGGER.warning(f"The corpus {name} cannot be used: {type(error).__name__}: {error}")
        else:
            yield name, reader


def _recognises(name: str, reader: Any, input: str | os.PathLike) -> bool:
    try:
        return reader.recognise(input) is not None
    except Exception as error:  # a fault of one reader is none of the others
        _LOGGER.warning(f"The corpus {name} fails to look at {input}: {type(error).__name__}: {error}")
        return False


def _with_splits(
    records: Sequence[VideoRecord], ratios: Mapping[str, float], *, seed: int, where: object
) -> list[VideoRecord]:
    """Splits by people, sources and originals where they are known, else by file."""
    ties = [[r.video_id, *r.identities, *r.source_videos, *([r.original] if r.original else ())] for r in records]
    groups = connected_groups(ties)
    members = [groups[tie[0]] for tie in ties]
    splits = split_groups(members, ratios=ratios, seed=seed, where=where)
    return [replace(record, split=splits[group]) for record, group in zip(records, members, strict=True)]
