"""What an ensemble's config asks for, each member with the data that is its own."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from zoo.config import load_config
from zoo.errors import ConfigError, DataError, did_you_mean
from zoo.inference.evaluation import put_to_test

Roots = str | list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member: a trained detector with its data, or files of predictions.

    Attributes:
        name: unique in its ensemble.
        config: what `zoo.config.load_config` takes; None for files.
        checkpoint: of that config's model; None for files.
        data_root: where its data lies; None leaves that to its config and the environment.
        options: overrides of the config, dotted keys to values.
        allow_mismatch: take data that was made otherwise than that of its training.
        predictions: split to file; empty for a detector.
    """

    name: str
    config: str | None = None
    checkpoint: Path | None = None
    data_root: Roots = None
    options: Mapping[str, Any] = field(default_factory=dict)
    allow_mismatch: bool = False
    predictions: Mapping[str, Path] = field(default_factory=dict)

    def evaluation_config(self, split: str, *, work_dir: str | os.PathLike) -> Config:
        """The config that evaluates the member on ``split``.

        Raises:
            ConfigError: it has mistakes, or no such split.
            DataError: its data root is missing.
        """
        assert self.config is not None
        root = self.data_root
        options = dict(self.options)
        config = load_config(self.config, options, data_root=root, val_data_root=root, needs_data=True)
        put_to_test(config, split, where=f"{self.name}: {self.config}")
        config.experiment_name = self.name
        config.work_dir = os.fspath(work_dir)
        config.launcher = "none"
        config.load_from = os.fspath(self.checkpoint) if self.checkpoint is not None else None
        config.resume = False
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleSettings:
    """An ensemble as its config describes it; ``combiner`` and ``calibrator`` are components' configs."""

    members: tuple[Member, ...]
    combiner: Mapping[str, Any]
    calibrator: Mapping[str, Any] | None = None
    abstention: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, config: Config, *, data_roots: Sequence[str] = (), allow_mismatch: bool = False, where: object = None
    ) -> EnsembleSettings:
        """Out of a checked config.

        Args:
            config: as `zoo.config.load_config` gives it.
            data_roots: ``NAME=PATH`` for single members, a bare ``PATH`` for all that have none of their own.
            allow_mismatch: for all members.
            where: the config's file, for errors.

        Raises:
            ConfigError: the config has no ensemble, or a root is given to a member that does not exist.
            DataError: a root does not exist.
        """
        if config.get("ensemble") is None:
            raise ConfigError("The config has no ensemble.", where=where)
        described = copy.deepcopy(config.ensemble.to_dict())
        names = [member["name"] for member in described["members"]]
        own, rest = split_roots(data_roots, names)
        for name in own:
            if "predictions" in next(member for member in described["members"] if member["name"] == name):
                raise ConfigError(f"{name} is predictions in files, and takes no data root.", where="--data-root")
        shared = rest or config.get("data_root")
        members = [_member(member, own, shared, allow_mismatch=allow_mismatch) for member in described["members"]]
        return cls(
            members=tuple(members),
            combiner=described["combiner"],
            calibrator=described.get("calibrator"),
            abstention=described.get("abstention"),
        )


def split_roots(given: Sequence[str], names: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """``NAME=PATH`` by member, and the bare paths.

    Raises:
        ConfigError: ``NAME`` is no member, and the whole is no path that exists.
    """
    own: dict[str, list[str]] = {}
    rest = []
    for text in given:
        name, sign, path = text.partition("=")
        if sign and name in names and path:
            own.setdefault(name, []).append(path)
        elif not sign or Path(text).exists():
            rest.append(text)
        else:
            raise ConfigError(
                f"--data-root {text}: no member is called {name!r}.{did_you_mean(name, names)}",
                where="--data-root",
                next_step=f"The members are {', '.join(names)}.",
            )
    return own, rest


def _member(described: Mapping[str, Any], own: Mapping[str, list[str]], shared: Any, *, allow_mismatch: bool) -> Member:
    name = described["name"]
    if "predictions" in described:
        files = described["predictions"].items()
        return Member(name=name, predictions={split: Path(path) for split, path in files if path is not None})
    root = own.get(name) or described.get("data_root") or shared
    paths = [root] if isinstance(root, str) else list(root or [])
    for path in paths:
        if not Path(path).exists():
            raise DataError(
                f"The data root {path} of {name} does not exist.",
                where=name,
                next_step=f"Check --data-root {name}=PATH, or its data_root in the config.",
            )
    return Member(
        name=name,
        config=described["config"],
        checkpoint=Path(described["checkpoint"]),
        data_root=None if not paths else paths[0] if len(paths) == 1 else paths,
        options=dict(described.get("options") or {}),
        allow_mismatch=allow_mismatch or bool(described.get("allow_mismatch", False)),
    )
