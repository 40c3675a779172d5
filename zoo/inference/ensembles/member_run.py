"""One member on one split: predictions, kept so that the same is never computed twice."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from zoo.engine.data import build_dataloader, provenance_of
from zoo.engine.plain import plain
from zoo.errors import DataError, ZooError
from zoo.features.layout import digest_of
from zoo.files import sha256_of, write_json
from zoo.inference.ensembles.settings import Member
from zoo.inference.evaluation import evaluate
from zoo.predictions import read_predictions, write_predictions

VERSION: Final = 1
"""Part of the key; counts the changes of what is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRun:
    """A member to be run; picklable. ``folder`` keeps the predictions, and the logs of evaluations."""

    member: Member
    split: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A member's predictions on a split.

    Attributes:
        name: of the member.
        table: one row a sample.
        facts: plain values: ``data`` (what the data tells of itself), ``sha256`` of the checkpoint or of the file,
            and ``warnings``.
        cached: whether they were there already.
    """

    name: str
    table: pa.Table
    facts: Mapping[str, Any]
    cached: bool


def warnings_of_members(predicted: Mapping[str, Predicted]) -> list[str]:
    """Each warning once, behind the members that it is about."""
    about: dict[str, list[str]] = {}
    for name, one in predicted.items():
        for warning in one.facts["warnings"]:
            about.setdefault(warning, []).append(name)
    return [f"{', '.join(names)}: {warning}" for warning, names in about.items()]


def find_kept(run: MemberRun) -> Predicted | None:
    """The predictions of ``run`` where they need no computing: those kept, or those of files.

    Raises:
        DataError: a file has no predictions of the split, or cannot be read.
    """
    if run.member.predictions:
        return _of_file(run)
    return _read(run, _named(run))


def predict(run: MemberRun) -> Predicted:
    """Evaluate a detector, keep the predictions, and return them.

    Raises:
        CheckpointError: its checkpoint is damaged, or of another model than its config's.
        ConfigError: its config cannot be evaluated.
        DataError: its data is missing, or made otherwise than that of its training.
    """
    member = run.member
    assert member.checkpoint is not None
    config = member.evaluation_config(run.split, work_dir=run.folder / "logs" / f"{member.name}-{run.split}")
    try:
        path = _named(run)
        found = evaluate(config, member.checkpoint, split=run.split, allow_mismatch=member.allow_mismatch)
    except ZooError as error:
        error.what = f"Member {member.name}: {error.what}"
        raise
    assert found is not None  # a single process is rank 0
    table = of_whole_clips(found.table, found.runner.test_loop.dataloader.dataset)
    facts = plain({"data": found.told, "sha256": sha256_of(member.checkpoint), "warnings": found.warnings})
    write_predictions(path, table)
    write_json(_facts_of(path), facts)  # last: predictions without it do not count
    return Predicted(name=member.name, table=read_predictions(path), facts=facts, cached=False)


def of_whole_clips(table: pa.Table, dataset: Any) -> pa.Table:
    """``table`` without the scores of clips that lack a stream of a dataset that reads several.

    A detector that compares picture and sound has nothing to say of a video without sound: its status becomes
    ``no_audio`` (or ``no_visual``), and the other members decide.
    """
    streams = getattr(dataset, "streams", ())
    index = getattr(getattr(dataset, "source", None), "index", None)
    if len(streams) < 2 or index is None:
        return table
    score, status = table["score"], table["status"]
    for stream in streams:
        if (column := f"{stream}_frames") not in index.column_names:
            continue  # a tree has both streams of every clip
        empty = index.filter(pc.equal(index[column], 0))["video_id"].cast(pa.string()).combine_chunks()
        lacking = pc.is_in(table["video_id"], value_set=empty)
        score = pc.if_else(lacking, pa.scalar(None, pa.float64()), score)
        status = pc.if_else(pc.and_(lacking, pc.equal(status, "ok")), f"no_{stream}", status)
    names = table.column_names
    table = table.set_column(names.index("score"), table.schema.field("score"), score)
    return table.set_column(names.index("status"), table.schema.field("status"), status)


def _named(run: MemberRun) -> Path:
    """Where predictions lie: a name by all that shapes them."""
    return run.folder / f"{run.member.name}-{run.split}-{_key(run)[:16]}.parquet"


def _key(run: MemberRun) -> str:
    """Digest of the checkpoint's bytes, the data's provenance, the split, and the config of model and data."""
    member = run.member
    assert member.checkpoint is not None
    config = member.evaluation_config(run.split, work_dir=run.folder)
    loader = config.test_dataloader.to_dict()
    dataset = build_dataloader({**loader, "num_workers": 0}, seed=0).dataset
    root = loader["dataset"].get("data_root") or []
    return digest_of(
        plain(
            {
                "version": VERSION,
                "checkpoint": sha256_of(member.checkpoint),
                "data": provenance_of(dataset),
                "files": [_stamps(Path(path)) for path in ([root] if isinstance(root, str) else root)],
                "split": run.split,
                "model": config.model.to_dict(),
                "loader": {name: loader.get(name) for name in ("dataset", "collate_fn", "batch_size")},
            }
        )
    )


def _stamps(root: Path) -> list[Any]:
    """Names, sizes and times of the files right in ``root``: manifests and the like, which tell of what is below."""
    found = sorted(root.iterdir()) if root.is_dir() else [root]
    files = [(path.name, path.stat()) for path in found if path.is_file()]
    return [[name, status.st_size, status.st_mtime_ns] for name, status in files]


def _read(run: MemberRun, path: Path) -> Predicted | None:
    try:
        facts = json.loads(_facts_of(path).read_text(encoding="utf-8"))
        table = read_predictions(path)
    except (OSError, ValueError, DataError):  # absent, or damaged: it is computed anew
        return None
    return Predicted(name=run.member.name, table=table, facts=facts, cached=True)


def _of_file(run: MemberRun) -> Predicted:
    member = run.member
    path = member.predictions.get(run.split)
    if path is None:
        raise DataError(
            f"Member {member.name} has no predictions of the split {run.split!r}.",
            where=member.name,
            next_step=f"Name the file in the config: predictions=dict({run.split}=FILE), a .parquet or a .csv.",
        )
    table = read_predictions(path)
    facts = {"data": {"kind": "predictions", "file": os.fspath(path)}, "sha256": sha256_of(path), "warnings": []}
    return Predicted(name=member.name, table=table, facts=facts, cached=True)


def _facts_of(path: Path) -> Path:
    return path.with_suffix(".json")
