"""Members' scores of raw files to those of the ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pyarrow as pa

from zoo.ensembles.joining import join
from zoo.inference.ensembles.artefact import FittedEnsemble
from zoo.inference.inputs import Inputs
from zoo.inference.run import Scores, table_of
from zoo.inference.scoring import Score

UNASKED: Final = "no_prediction"
"""Status of a file at a member of the ensemble that is files of predictions."""


def combined_table(fitted: FittedEnsemble, inputs: Inputs, by_member: Mapping[str, Mapping[str, Score]]) -> pa.Table:
    """One row a file: the columns of ``zoo.metrics.table.SCHEMA``, ``members``, and perhaps ``decision``.

    Args:
        fitted: the ensemble.
        inputs: what was scored.
        by_member: the scores of the members that could score files, by the files' names.
    """
    tables = {
        name: table_of(inputs, by_member[name] if name in by_member else _unasked(by_member)) for name in fitted.names
    }
    return fitted.combined().predict(join(tables))


def combined_scores(table: pa.Table, by_member: Mapping[str, Mapping[str, Score]], *, scored_now: int) -> Scores:
    """What `combined_table` gave as a `Score` a file, with what its members have to say of a file without one."""
    found = {}
    for row in table.to_pylist():
        name = row["video_id"]
        parts = {member: scores[name] for member, scores in by_member.items() if name in scores}
        notes = [f"{member}: {one.note}" for member, one in parts.items() if one.note]
        found[name] = Score(
            name=name,
            status=row["status"],
            score=row["score"],
            crops=sum(one.crops for one in parts.values()),
            note="; ".join(notes),
            failed=any(one.failed for one in parts.values()) and row["score"] is None,
        )
    return Scores(by_name=found, scored_now=scored_now)


def _unasked(by_member: Mapping[str, Mapping[str, Score]]) -> dict[str, Score]:
    """What a member that cannot be asked says of the files: nothing, in the words of one that can where it is mute."""
    first = next(iter(by_member.values()))
    return {
        name: replace(one, score=None, status=one.status if one.score is None else UNASKED)
        for name, one in first.items()
    }
