"""Members' validation predictions to a fitted ensemble and all that its artefact says."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.engine.plain import plain
from zoo.ensembles.abstention import ConformalAbstention
from zoo.ensembles.comparison import best_member, figures_of, member_figures, without
from zoo.ensembles.ensemble import Ensemble
from zoo.ensembles.joining import Joined, join
from zoo.errors import DataError
from zoo.inference.ensembles.artefact import NAME, FittedEnsemble
from zoo.inference.ensembles.member_run import Predicted
from zoo.inference.ensembles.settings import EnsembleSettings, Member
from zoo.registry import build

WHERE = "the validation predictions"


def fit_ensemble(
    settings: EnsembleSettings, predicted: Mapping[str, Predicted], *, experiment: str, work_dir: str | os.PathLike
) -> FittedEnsemble:
    """Fit what combines and calibrates on the videos with labels, and the same without each of the members.

    Args:
        settings: of the ensemble.
        predicted: of every member, on the validation data.
        experiment: name of the ensemble.
        work_dir: where the artefact will lie.

    Raises:
        DataError: members contradict each other or share no videos, or there is one class, or too little to fit.
    """
    path = Path(work_dir, NAME)
    joined = join({name: one.table for name, one in predicted.items()})
    joined = joined.take((joined.labels >= 0) & ~np.isnan(joined.scores).all(axis=1))
    counts = {label: int((joined.labels == label).sum()) for label in (0, 1)}
    if 0 in counts.values():
        raise DataError(
            f"The validation predictions are of one class: {counts[0]} real and {counts[1]} fake videos with a score.",
            where=WHERE,
            next_step="Fit on a validation split with both classes; see the members' data roots.",
        )
    best = best_member(joined)
    ensemble = unfitted(settings, joined.members)
    ensemble.fit(joined)
    figures = member_figures(joined)
    members = [_described(member, predicted[member.name], figures[member.name], path) for member in settings.members]
    return FittedEnsemble(
        experiment=experiment,
        settings={name: getattr(settings, name) for name in ("combiner", "calibrator", "abstention")},
        members=tuple(members),
        ensemble=ensemble.state(),
        without={name: _state_without(settings, joined, name) for name in joined.members},
        best_member=best,
        validation={
            "fitted_on": ensemble.fitted_on,
            "ensemble": figures_of(ensemble.predict(joined)["score"].to_numpy(), joined.labels),
            "calibration": ensemble.calibration,
        },
        path=path,
    )


def unfitted(settings: EnsembleSettings, members: tuple[str, ...]) -> Ensemble:
    """The ensemble of ``members``, some or all of those in ``settings``, before anything is fitted."""
    combiner = copy.deepcopy(dict(settings.combiner))
    weights = combiner.get("weights")
    if isinstance(weights, list | tuple) and len(weights) == len(settings.members):
        by_name = dict(zip((member.name for member in settings.members), weights, strict=True))
        combiner["weights"] = [by_name[name] for name in members]
    return Ensemble(
        members,
        build("combiner", combiner),
        calibrator=None if settings.calibrator is None else build("calibrator", dict(settings.calibrator)),
        abstention=None if settings.abstention is None else ConformalAbstention(**settings.abstention),
    )


def _state_without(settings: EnsembleSettings, joined: Joined, name: str) -> dict[str, Any] | None:
    """State of the ensemble fitted without member ``name``; None where the rest is too little to fit on."""
    rest = without(joined, name)
    try:
        ensemble = unfitted(settings, rest.members)
        ensemble.fit(rest)
    except DataError:
        return None
    return ensemble.state()


def _described(member: Member, predicted: Predicted, figures: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What the artefact says of a member."""
    told = {
        "name": member.name,
        "sha256": predicted.facts["sha256"],
        "data": predicted.facts["data"],
        "figures": figures,
    }
    if member.checkpoint is None:
        return told | {"predictions": {split: os.fspath(file) for split, file in member.predictions.items()}}
    config = member.evaluation_config("val", work_dir=path.parent)
    loader = config.test_dataloader.to_dict()
    _forget_roots(loader)
    return told | {
        "checkpoint": os.path.relpath(member.checkpoint.resolve(), path.parent.resolve()),
        "config": plain(
            {
                "name": member.config,
                "options": member.options,
                "model": config.model.to_dict(),
                "dataloader": loader,
            }
        ),
    }


def _forget_roots(value: Any) -> None:
    """Take every ``data_root`` out of a config: the artefact goes where the data does not."""
    if isinstance(value, dict):
        value.pop("data_root", None)
        for item in value.values():
            _forget_roots(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _forget_roots(item)
