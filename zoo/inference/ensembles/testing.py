"""A fitted ensemble on one split: predictions, figures, and what each member has to do with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.ensembles.comparison import (
    against_member,
    calibration_figures,
    error_correlation,
    figures_of,
    leave_one_out,
    member_figures,
)
from zoo.ensembles.joining import Joined, join
from zoo.errors import CheckpointError
from zoo.inference.ensembles.artefact import FittedEnsemble
from zoo.inference.ensembles.member_run import Predicted, warnings_of_members
from zoo.inference.ensembles.settings import EnsembleSettings, Member
from zoo.metrics.summary import summarize


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleEvaluation:
    """What came of it.

    Attributes:
        table: one row a video: the columns of ``zoo.metrics.table.SCHEMA``, ``members``, perhaps ``decision``.
        summary: all figures, see ``zoo.metrics.summary.summarize``.
        ensemble: plain values: ``members``, ``coverage`` (videos by the members they are scored by), ``calibration``,
            ``decisions`` (where there is an abstention), and where asked for ``comparison``.
        warnings: what a reader of the figures must know.
    """

    table: pa.Table
    summary: Mapping[str, Any]
    ensemble: Mapping[str, Any]
    warnings: list[str]


def members_of(settings: EnsembleSettings, fitted: FittedEnsemble) -> tuple[Member, ...]:
    """The members that a config describes, with the checkpoints that the ensemble was fitted with.

    Raises:
        CheckpointError: the config describes another ensemble, or a checkpoint is absent or was changed.
    """
    names = tuple(member.name for member in settings.members)
    if names != fitted.names:
        raise CheckpointError(
            f"The ensemble was fitted on the members {', '.join(fitted.names)}; the config has {', '.join(names)}.",
            where=fitted.path,
            next_step="Use the config it was fitted with, or fit it again: zoo train ENSEMBLE_CONFIG.",
        )
    for part, config in fitted.settings.items():
        now = json.loads(json.dumps(getattr(settings, part)))
        if now != config:
            raise CheckpointError(
                f"The ensemble was fitted with another {part} than the config's: {config} in place of {now}.",
                where=fitted.path,
                next_step="Use the config it was fitted with, or fit it again: zoo train ENSEMBLE_CONFIG.",
            )
    found = []
    for member in settings.members:
        if member.checkpoint is not None and member.checkpoint.is_file():
            fitted.require_same(member.name, member.checkpoint)
        elif member.checkpoint is not None:
            member = replace(member, checkpoint=fitted.checkpoint_of(member.name))
        found.append(member)
    return tuple(found)


def evaluate_ensemble(
    fitted: FittedEnsemble, predicted: Mapping[str, Predicted], *, split: str, compare: bool = False
) -> EnsembleEvaluation:
    """Combine members' predictions and compute every figure.

    Args:
        fitted: the ensemble.
        predicted: of every member, on ``split``.
        split: what the data is called.
        compare: look at each member as well, see `zoo.ensembles.comparison`.

    Raises:
        DataError: the predictions cannot be joined.
    """
    ensemble = fitted.combined()
    joined = join({name: one.table for name, one in predicted.items()})
    table = ensemble.predict(joined)
    told: dict[str, Any] = {
        "members": list(joined.members),
        "best_member": fitted.best_member,
        "coverage": _counts(table["members"].fill_null("none")),
        "calibration": calibration_figures(ensemble, joined),
        "validation": fitted.validation,
    }
    if "decision" in table.column_names:
        told["decisions"] = _decisions(table)
    if compare:
        told["comparison"] = _compared(fitted, joined, table)
    warnings = [*warnings_of_members(predicted), *_same_data(fitted, predicted)]
    unscored = {status: n for status, n in _counts(table["status"]).items() if status != "ok"}
    if unscored:
        listed = ", ".join(f"{n} {status}" for status, n in unscored.items())
        warnings.append(f"{sum(unscored.values())} videos have no score of any member: {listed}.")
    if split == "val":
        warnings.append("These are figures of the validation data, on which the ensemble was fitted: they flatter it.")
    return EnsembleEvaluation(table=table, summary=summarize(table), ensemble=told, warnings=warnings)


def _compared(fitted: FittedEnsemble, joined: Joined, table: pa.Table) -> dict[str, Any]:
    combined = table["score"].to_numpy()
    return {
        "ensemble": figures_of(combined, joined.labels),
        "members": member_figures(joined),
        "leave_one_out": leave_one_out(joined, combined, fitted.reduced()),
        "error_correlation": error_correlation(joined),
        "best_member": against_member(joined, combined, fitted.best_member),
    }


def _same_data(fitted: FittedEnsemble, predicted: Mapping[str, Predicted]) -> list[str]:
    """Warn of members that are evaluated on what the ensemble was fitted on, by their files' hashes."""
    same = []
    for member in fitted.members:
        now = predicted[member["name"]].facts
        if "predictions" in member and now["sha256"] == member["sha256"]:
            same.append(member["name"])
    if not same:
        return []
    return [f"The predictions of {', '.join(same)} are those that the ensemble was fitted on: the figures flatter it."]


def _decisions(table: pa.Table) -> dict[str, int | float | None]:
    """How many videos are called real, called fake or left open, and the share of wrong calls in each class."""
    counts = _counts(table["decision"].drop_null())
    told: dict[str, int | float | None] = {name: counts.get(name, 0) for name in ("real", "fake", "abstain")}
    decisions = np.asarray(table["decision"].to_pylist(), object)
    labels = table["label"].fill_null(-1).to_numpy()
    for label, wrong, name in ((0, "fake", "reals_called_fake"), (1, "real", "fakes_called_real")):
        mine = decisions[labels == label]
        mine = mine[mine != None]  # noqa: E711
        told[name] = float(np.mean(mine == wrong)) if len(mine) else None
    return told


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return dict(sorted((row["values"], row["counts"]) for row in pc.value_counts(column).to_pylist()))
