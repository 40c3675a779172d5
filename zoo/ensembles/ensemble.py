"""An ensemble on predictions: a combiner, and perhaps a calibrator and an abstention, fitted on validation data."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.abstention import ConformalAbstention
from zoo.ensembles.calibrators.base import Calibrator
from zoo.ensembles.checks import LEAST_A_CLASS, checked_labels
from zoo.ensembles.combiners.base import Combiner
from zoo.ensembles.folds import fold_of
from zoo.ensembles.joining import Joined
from zoo.errors import CheckpointError, ConfigError
from zoo.metrics.calibration import brier, expected_calibration_error
from zoo.metrics.table import DECISION, MEMBERS, SCHEMA
from zoo.plugins import catalog
from zoo.registry import build

FORMAT: Final = "zoo-ensemble"
VERSION: Final = 1


class Ensemble:
    """Members' predictions to one prediction a video.

    Args:
        members: names, in the order in which the combiner sees them.
        combiner: members' scores to one score each.
        calibrator: that score to a probability, or None to leave it as it is.
        abstention: what decides real, fake or nothing, by the combined score before its calibration; None: no decision.

    Attributes:
        fitted_on: after `fit`, how many videos it was given: ``n``, ``n_real``, ``n_fake``, and how many of them
            the ``abstention`` kept for itself.
        calibration: after `fit` on videos of both classes, ``ece_before``, ``ece_after``, ``brier_before`` and
            ``brier_after`` calibration (after: None without a calibrator), over ``n`` videos in ``folds`` folds. Each
            score is out of fold: its combiner, and its calibrator, were fitted without the video's fold.

    Raises:
        ConfigError: no member, a name twice, or a part that is not of its kind.
    """

    def __init__(
        self,
        members: Sequence[str],
        combiner: Combiner,
        calibrator: Calibrator | None = None,
        abstention: ConformalAbstention | None = None,
    ) -> None:
        self.members = tuple(members)
        if not self.members or len(set(self.members)) < len(self.members):
            raise ConfigError(f"An ensemble needs members with different names, not {list(self.members)}.")
        for part, kind in ((combiner, Combiner), (calibrator, Calibrator), (abstention, ConformalAbstention)):
            if not isinstance(part, kind) and (part is not None or part is combiner):
                raise ConfigError(f"{part!r} is not a {kind.__name__}.")
        self.combiner = combiner
        self.calibrator = calibrator
        self.abstention = abstention
        self.fitted_on: dict[str, int] | None = None
        self.calibration: dict[str, Any] | None = None

    @property
    def learns(self) -> bool:
        """Whether there is anything to fit."""
        return self.combiner.learns or self.calibrator is not None or self.abstention is not None

    def fit(self, joined: Joined, *, groups: ArrayLike | None = None) -> None:
        """Fit all parts on videos with known labels, which should be validation data of the members.

        The calibrator is fitted on out-of-fold scores of the combiner. If the combiner learns, the abstention gets
        one part of the videos that nothing else learns from, so that its guarantee holds.

        Args:
            joined: videos; those without a label or without any score are left out.
            groups: [n], for example whose face is seen: no group is divided between folds.

        Raises:
            DataError: other members, too few videos (10 of each class), one class, or a member without any score.
        """
        joined = joined.arranged(self.members)
        usable = (joined.labels >= 0) & ~np.isnan(joined.scores).all(axis=1)
        scores, labels = joined.scores[usable], joined.labels[usable].astype(np.int64)
        names = None if groups is None else np.asarray(groups)[usable]
        self.fitted_on = {"n": len(labels), "n_real": int(np.sum(labels == 0)), "n_fake": int(np.sum(labels == 1))}
        self.calibration = None
        enough = min(self.fitted_on["n_real"], self.fitted_on["n_fake"]) >= 2 * LEAST_A_CLASS
        if self.learns:
            checked_labels(labels, len(labels), least=2 * LEAST_A_CLASS)
        elif not enough:
            return
        kept = self._kept(labels, names)
        if self.abstention is not None:
            self.fitted_on["abstention"] = int(kept.sum())
        apart = kept if self.combiner.learns else np.zeros(len(labels), bool)
        rest = ~apart
        self._fit_scores(scores[rest], labels[rest], None if names is None else names[rest])
        if self.abstention is not None:
            self.abstention.fit(self.combiner(scores[kept]), labels[kept])

    def predict(self, joined: Joined) -> pa.Table:
        """Predictions, one row a video: the columns of ``zoo.metrics.table.SCHEMA``, ``members``, and ``decision`` if
        there is an abstention. ``sample_id`` is the video_id, with the method before it where the video_id occurs more
        than once in a corpus. A video without any score keeps its status.

        Raises:
            DataError: other members, or a part that is not fitted.
        """
        joined = joined.arranged(self.members)
        combined = self.combiner(joined.scores)
        scores = combined if self.calibrator is None else self.calibrator(combined)
        videos = joined.videos
        nothing = pa.nulls(len(videos), pa.float64())
        columns = {
            "sample_id": _sample_ids(videos),
            **{name: videos[name] for name in ("video_id", "corpus", "method", "label")},
            "score": pa.array(scores, mask=np.isnan(scores)),
            "start_s": nothing,
            "end_s": nothing,
            "status": joined.statuses,
        }
        fields = [*SCHEMA, MEMBERS]
        columns[MEMBERS.name] = joined.member_names()
        if self.abstention is not None:
            fields.append(DECISION)
            columns[DECISION.name] = self.abstention(combined)
        return pa.table(columns).cast(pa.schema(fields))

    def state(self) -> dict[str, Any]:
        """All of it as plain values that JSON holds."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "members": list(self.members),
            "combiner": _part_state(self.combiner, "combiner"),
            "calibrator": None if self.calibrator is None else _part_state(self.calibrator, "calibrator"),
            "abstention": None if self.abstention is None else self.abstention.state(),
            "fitted_on": self.fitted_on,
            "calibration": self.calibration,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, where: object = None) -> Ensemble:
        """The ensemble that `state` was taken of; ``where`` is named in errors.

        Raises:
            CheckpointError: not the state of an ensemble, or of a newer version.
            UnknownComponent: a part is of a plugin that is not installed.
        """
        if state.get("format") != FORMAT or state.get("version") != VERSION:
            raise CheckpointError(
                f"Not the state of an ensemble of version {VERSION}.",
                where=where,
                next_step="Write it again with this version: zoo combine --save.",
            )
        try:
            abstention = None
            if state["abstention"] is not None:
                abstention = ConformalAbstention()
                abstention.load_state(state["abstention"])
            combiner = _part_of(state["combiner"], "combiner")
            calibrator = None if state["calibrator"] is None else _part_of(state["calibrator"], "calibrator")
            ensemble = cls(state["members"], combiner, calibrator, abstention)
            ensemble.fitted_on, ensemble.calibration = state["fitted_on"], state["calibration"]
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"The state of the ensemble is broken: {error!r}.", where=where) from error
        return ensemble

    def _kept(self, labels: NDArray, groups: NDArray | None) -> NDArray[np.bool_]:
        """Bool [n]: the videos that the abstention is fitted to."""
        if self.abstention is None or not self.combiner.learns:
            return np.full(len(labels), self.abstention is not None)
        return fold_of(labels, groups=groups, folds=self.abstention.parts) == 0

    def _fit_scores(self, scores: NDArray, labels: NDArray, groups: NDArray | None) -> None:
        """Fit the combiner and the calibrator, and measure the calibration out of fold."""
        fold = fold_of(labels, groups=groups)
        count = int(fold.max()) + 1
        combined = np.empty(len(labels))
        for index in range(count) if self.combiner.learns else ():
            part = fold == index
            combiner = copy.deepcopy(self.combiner)
            combiner.fit(scores[~part], labels[~part], groups=None if groups is None else groups[~part])
            combined[part] = combiner(scores[part])
        self.combiner.fit(scores, labels, groups=groups)
        if not self.combiner.learns:
            combined = self.combiner(scores)
        after = None
        if self.calibrator is not None:
            after = np.empty(len(labels))
            for index in range(count):
                part = fold == index
                calibrator = copy.deepcopy(self.calibrator)
                calibrator.fit(combined[~part], labels[~part])
                after[part] = calibrator(combined[part])
            self.calibrator.fit(combined, labels)
        self.calibration = {
            "n": len(labels),
            "folds": count,
            "ece_before": expected_calibration_error(combined, labels),
            "ece_after": None if after is None else expected_calibration_error(after, labels),
            "brier_before": brier(combined, labels),
            "brier_after": None if after is None else brier(after, labels),
        }


def _sample_ids(videos: pa.Table) -> pa.ChunkedArray:
    names = videos["video_id"]
    same = pc.and_(
        pc.equal(names.slice(1), names.slice(0, max(len(names) - 1, 0))),
        pc.equal(videos["corpus"].slice(1), videos["corpus"].slice(0, max(len(names) - 1, 0))),
    ).to_numpy()
    if not same.any():
        return names
    repeated = np.zeros(len(names), bool)  # videos are sorted by corpus and video_id
    repeated[1:] |= same
    repeated[:-1] |= same
    return pc.if_else(pa.array(repeated), pc.binary_join_element_wise(videos["method"], names, "/"), names)


def _part_state(part: Combiner | Calibrator, kind: str) -> dict[str, Any]:
    target = f"{type(part).__module__}:{type(part).__qualname__}"
    names = [name for name in catalog().names(kind) if catalog().require(name, kind).target == target]
    return {"type": names[0] if names else type(part).__name__, "state": part.state()}


def _part_of(state: Mapping[str, Any], kind: str) -> Any:
    part = build(kind, {"type": state["type"]})
    part.load_state(state["state"])
    return part
