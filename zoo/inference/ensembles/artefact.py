"""``ensemble.json``: one file that names the members by their hashes and holds all that was fitted on them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from zoo.ensembles.ensemble import Ensemble
from zoo.errors import CheckpointError, ZooError
from zoo.files import sha256_of, write_json

FORMAT: Final = "zoo-fitted-ensemble"
VERSION: Final = 1
NAME: Final = "ensemble.json"
_KEYS: Final = ("experiment", "settings", "members", "ensemble", "without", "best_member", "validation")


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedEnsemble:
    """What an artefact holds.

    Attributes:
        experiment: name of the ensemble.
        settings: configs of ``combiner``, ``calibrator`` and ``abstention`` (None for none).
        members: a mapping each, as plain values: ``name``, ``config`` (of its model and evaluation), ``checkpoint``
            (relative to the artefact), ``sha256``, ``data`` (what its validation data tells of itself) and ``figures``
            on the validation data; a member of files has ``predictions`` in place of config and checkpoint.
        ensemble: state of the fitted ensemble.
        without: state of the ensemble fitted without a member, by that member's name; None where the rest is too
            little to fit on.
        best_member: the member with the highest AUC on the validation data.
        validation: ``fitted_on``, how many videos; ``ensemble``, figures on these very videos; ``calibration``, out
            of fold, before and after (see `zoo.ensembles.ensemble.Ensemble`).
        path: of the file.
    """

    experiment: str
    settings: Mapping[str, Any]
    members: tuple[Mapping[str, Any], ...]
    ensemble: Mapping[str, Any]
    without: Mapping[str, Mapping[str, Any] | None]
    best_member: str
    validation: Mapping[str, Any]
    path: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members, in order."""
        return tuple(member["name"] for member in self.members)

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            WorkDirError: it cannot be written.
        """
        values = {key: getattr(self, key) for key in _KEYS}
        write_json(self.path, {"format": FORMAT, "version": VERSION, "zoo_version": version("deepfake-zoo"), **values})

    @classmethod
    def read(cls, path: str | os.PathLike) -> FittedEnsemble:
        """The artefact at ``path``.

        Raises:
            CheckpointError: none there, not one of ours, written by a newer zoo, or its parts do not fit together.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(
                "No such ensemble.", where=path, next_step="Fit it first: zoo train ENSEMBLE_CONFIG."
            ) from None
        except (OSError, ValueError) as error:
            raise CheckpointError(f"The ensemble cannot be read: {error}.", where=path) from error
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise CheckpointError(
                f"Not an ensemble with its members (format {FORMAT!r}).",
                where=path,
                next_step="Give the ensemble.json that zoo train writes for an ensemble's config.",
            )
        if not isinstance(values.get("version"), int) or values["version"] > VERSION:
            raise CheckpointError(
                f"The ensemble was written by a newer zoo ({values.get('zoo_version')}).",
                where=path,
                next_step="Update zoo, or fit the ensemble again.",
            )
        try:
            found = cls(
                **{key: values[key] for key in _KEYS if key != "members"}, members=tuple(values["members"]), path=path
            )
            found._require_whole()
            fitted = found.combined()
        except (KeyError, TypeError, ValueError, AttributeError, ZooError) as error:
            raise CheckpointError(
                f"The ensemble's parts are missing or do not fit together: {error}.",
                where=path,
                next_step="Fit it again: zoo train ENSEMBLE_CONFIG.",
            ) from error
        if fitted.members != found.names or found.best_member not in found.names:
            raise CheckpointError("The ensemble names other members than it was fitted on.", where=path)
        return found

    def _require_whole(self) -> None:
        """Raise KeyError, TypeError or ValueError where something is missing that is read later."""
        if set(self.settings) != {"combiner", "calibrator", "abstention"}:
            raise ValueError("settings are of other parts")
        for member in self.members:
            wanted = {"name", "sha256", "data", "figures"}
            wanted |= {"predictions"} if "predictions" in member else {"checkpoint", "config"}
            if absent := sorted(wanted - set(member)):
                raise ValueError(f"a member lacks {', '.join(absent)}")
        if set(self.without) != set(self.names):
            raise ValueError("the ensembles without a member are of other members")
        self.reduced()

    def combined(self) -> Ensemble:
        """The fitted ensemble, ready to predict."""
        return Ensemble.from_state(self.ensemble)

    def reduced(self) -> dict[str, Ensemble | None]:
        """The ensemble fitted without each of the members."""
        return {name: None if state is None else Ensemble.from_state(state) for name, state in self.without.items()}

    def checkpoint_of(self, name: str) -> Path:
        """Where the checkpoint of a member lies.

        Raises:
            CheckpointError: it is not there, or of another content than that which the ensemble was fitted with.
        """
        member = next(member for member in self.members if member["name"] == name)
        path = Path(os.path.normpath(self.path.parent / member["checkpoint"]))
        if not path.is_file():
            raise CheckpointError(
                f"The checkpoint of member {name} is not there.",
                where=path,
                next_step="Keep checkpoints where they were beside ensemble.json, or fit the ensemble again.",
            )
        self.require_same(name, path)
        return path

    def require_same(self, name: str, path: Path) -> None:
        """Refuse a checkpoint that is not the one with which the ensemble was fitted.

        Raises:
            CheckpointError: its SHA-256 is another.
        """
        member = next(member for member in self.members if member["name"] == name)
        if sha256_of(path) != member["sha256"]:
            raise CheckpointError(
                f"The checkpoint of member {name} is not the one that the ensemble was fitted with: its SHA-256 "
                f"differs from {member['sha256'][:12]}.",
                where=path,
                next_step="Bring the old checkpoint back, or fit the ensemble again: zoo train ENSEMBLE_CONFIG.",
            )
