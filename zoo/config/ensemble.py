"""Every mistake in a config's ``ensemble``: its members, and what combines them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from zoo.errors import ConfigError, did_you_mean

ENSEMBLE_KEYS: Final = ("members", "combiner", "calibrator", "abstention")
MODEL_KEYS: Final = ("name", "config", "checkpoint", "data_root", "options", "allow_mismatch")
"""What tells of a member that is a trained detector."""
FILE_KEYS: Final = ("name", "predictions")
"""What tells of a member that is predictions made elsewhere."""
ABSTENTION_KEYS: Final = ("error", "parts")
FILE_SPLITS: Final = ("val", "test")
BESIDE: Final = frozenset({"data_root", "default_scope", "ensemble", "experiment_name", "work_dir"})
"""Top-level keys that have a meaning beside ``ensemble``."""
LEAST_MEMBERS: Final = 2
_NOT_IN_NAMES: Final = frozenset("+=/\\ \t\n")


def ensemble_mistakes(config: Mapping[str, Any]) -> list[str]:
    """A line for every mistake in ``config["ensemble"]`` and its members' configs, components apart.

    Args:
        config: a whole config that has the key ``ensemble``.
    """
    ensemble = config["ensemble"]
    if not isinstance(ensemble, Mapping):
        return ["ensemble: is to be a dict with members and a combiner"]
    mistakes = [
        f"{key}: has no meaning beside 'ensemble', whose members bring their own"
        for key in sorted(config)
        if key not in BESIDE and config[key] is not None
    ]
    mistakes += _unknown(ensemble, ENSEMBLE_KEYS, "ensemble")
    if ensemble.get("combiner") is None:
        mistakes.append("ensemble.combiner: missing (a combiner; run: zoo list combiner)")
    mistakes += _abstention_mistakes(ensemble.get("abstention"))
    members = ensemble.get("members")
    if not isinstance(members, Sequence) or isinstance(members, str) or len(members) < LEAST_MEMBERS:
        return [*mistakes, f"ensemble.members: is to be a list of at least {LEAST_MEMBERS} members"]
    for index, member in enumerate(members):
        mistakes += _member_mistakes(member, f"ensemble.members.{index}")
    names = [member.get("name") for member in members if isinstance(member, Mapping)]
    for name in sorted({name for name in names if isinstance(name, str) and names.count(name) > 1}):
        places = ", ".join(str(index) for index, other in enumerate(names) if other == name)
        mistakes.append(f"ensemble.members: members {places} are all called {name!r}; a name is one member's")
    return mistakes


def absent_checkpoints(ensemble: Mapping[str, Any]) -> list[str]:
    """A line for every member whose checkpoint is not there, with the nearest file that is."""
    lines = []
    for index, member in enumerate(ensemble.get("members") or ()):
        if not isinstance(member, Mapping) or not isinstance(member.get("checkpoint"), str):
            continue
        path = Path(member["checkpoint"])
        if path.is_file():
            continue
        near = did_you_mean(path.name, [other.name for other in path.parent.glob("*") if other.suffix == path.suffix])
        step = near or f" Train it first (zoo train {member.get('config')}), or name the file it has."
        lines.append(f"ensemble.members.{index}.checkpoint: there is no {path}.{step}")
    return lines


def _member_mistakes(member: Any, where: str) -> Iterator[str]:
    if not isinstance(member, Mapping):
        yield f"{where}: is to be a dict with a name and a config, or predictions"
        return
    yield from _name_mistakes(member.get("name"), where)
    if "predictions" in member and ("config" in member or "checkpoint" in member):
        yield f"{where}: is a detector or files of predictions, not both"
        return
    is_file = "predictions" in member
    yield from _unknown(member, FILE_KEYS if is_file else MODEL_KEYS, where)
    if is_file:
        yield from _file_mistakes(member["predictions"], f"{where}.predictions")
        return
    for key in ("config", "checkpoint"):
        if not isinstance(member.get(key), str):
            yield f"{where}.{key}: missing; a member has a config and a checkpoint, or predictions"
    if isinstance(member.get("config"), str):
        yield from _config_mistakes(member, where)


def _name_mistakes(name: Any, where: str) -> Iterator[str]:
    if name is None:
        yield f"{where}.name: missing"
    elif not isinstance(name, str) or not name or name.startswith(".") or _NOT_IN_NAMES & set(name):
        yield f"{where}.name: {name!r} cannot name a member: no spaces, no slashes, no '+' and no '='"


def _file_mistakes(files: Any, where: str) -> Iterator[str]:
    if not isinstance(files, Mapping):
        yield f"{where}: is to be dict(val=FILE, test=FILE)"
        return
    yield from _unknown(files, FILE_SPLITS, where)
    if files.get("val") is None:
        yield f"{where}.val: missing; what combines and calibrates is fitted on validation predictions"


def _config_mistakes(member: Mapping[str, Any], where: str) -> Iterator[str]:
    """What is wrong in the config of a member, with its ``options``."""
    from zoo.config.loading import load_config  # which checks, and so imports, this

    try:
        config = load_config(member["config"], dict(member.get("options") or {}))
    except ConfigError as error:
        first, *rest = error.what.splitlines()
        for line in [line.removeprefix("  - ") for line in rest] or [first]:
            yield f"{where}.config: {line}"
        return
    if config.get("model") is None:
        yield f"{where}.config: {member['config']} defines no model, and only detectors are members"


def _abstention_mistakes(abstention: Any) -> Iterator[str]:
    if abstention is None:
        return
    if not isinstance(abstention, Mapping):
        yield "ensemble.abstention: is to be dict(error=SHARE), the share of errors in each class that is put up with"
        return
    yield from _unknown(abstention, ABSTENTION_KEYS, "ensemble.abstention")
    error = abstention.get("error")
    if error is not None and not (isinstance(error, int | float) and 0 < error < 1):
        yield f"ensemble.abstention.error: {error!r} is not a share between 0 and 1"


def _unknown(given: Mapping[str, Any], known: Sequence[str], where: str) -> Iterator[str]:
    for key in given:
        if key not in known:
            yield f"{where}.{key}: unknown.{did_you_mean(key, known)} There are {', '.join(known)}."
