"""The extractor that made the features of a training, out of what its checkpoint tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zoo.errors import ConfigError, DataError
from zoo.features.extractor import Extractor
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.registry import build

PARTS: Final[Mapping[str, str]] = {"visual": "embedder", "audio": "embedder", "face_detector": "face_detector"}
"""Parts of an extractor, as its fingerprint names them, and their kinds."""

_SAMPLING: Final = ("rate_hz", "every_s", "max_gap_s", "smooth_s", "audio_rate")


def trained_extractor(
    provenance: Mapping[str, Any],
    *,
    given: Mapping[str, Any],
    allow_mismatch: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    where: object = None,
) -> tuple[Extractor, list[str]]:
    """The extractor whose features a detector was trained on, and what is otherwise than in training, in words.

    Args:
        provenance: of the training data, out of the checkpoint.
        given: configs of `PARTS` that the user names, or ready parts; None for those of the training, with default
            arguments.
        allow_mismatch: accept an extractor that is not that of the training.
        limits: caps on the files that it reads.
        where: what errors point at.

    Raises:
        DataError: the checkpoint does not name a part and the user neither, or the parts are not those of the training.
        ConfigError: a part is not what it is taken for.
        MissingDependency: what a part needs is absent.
    """
    trained = provenance.get("fingerprint")
    trained = trained if isinstance(trained, Mapping) else {}
    parts = {name: _part(name, trained, given.get(name), where) for name in PARTS}
    for name in ("visual", "audio"):
        if parts[name].modality != name:
            raise ConfigError(
                f"{type(parts[name]).__name__} embeds {parts[name].modality}, not {name}.",
                where=f"--{name}",
                next_step="Run: zoo list embedder",
            )
    sampling = trained.get("sampling") or {}
    options = {name: sampling[name] for name in _SAMPLING if name in sampling}
    extractor = Extractor(**parts, **options, limits=limits)
    now = extractor.fingerprint()
    other = [name for name in now if name in trained and trained[name] != now[name]]
    if other and not allow_mismatch:
        raise DataError(
            "The features would not be those of the training: " + "; ".join(_difference(trained, now, other)) + ".",
            where=where,
            next_step="Name the extractor's arguments as for zoo extract-features (--visual-options KEY=VALUE), or add "
            "--allow-mismatch to see what the detector makes of other features.",
        )
    warnings = [f"other features than in training: {text}" for text in _difference(trained, now, other)]
    if not trained:
        warnings.append("the checkpoint does not tell what features it was trained on, so nothing was checked")
    return extractor, warnings


def _part(name: str, trained: Mapping[str, Any], given: Any, where: object) -> Any:
    if given is not None:
        return build(PARTS[name], given)
    told = str(trained.get(name) or "").split(" ")[0]
    flag = f"--{name.replace('_', '-')}"
    if not told:
        raise DataError(
            f"The checkpoint does not tell which {name.replace('_', ' ')} made the features it was trained on.",
            where=where,
            next_step=f"Name it: {flag} NAME (zoo list {PARTS[name]}).",
        )
    try:
        return build(PARTS[name], {"type": told})
    except ConfigError as error:
        raise DataError(
            f"The features of the training were made with {told}, which cannot be built by its name: {error.what}",
            where=where,
            next_step=f"Name it with its arguments: {flag} NAME {flag}-options KEY=VALUE, or install its plugin.",
        ) from error


def _difference(trained: Mapping[str, Any], now: Mapping[str, Any], names: list[str]) -> list[str]:
    return [f"{name} is {_short(now[name])}, in training {_short(trained[name])}" for name in names]


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    name, _, digest = str(value).partition(" ")
    return f"{name} {digest[:12]}".strip()
