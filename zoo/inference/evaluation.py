"""A checkpoint on one split of its config's data: predictions, figures, and what to know of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from mmengine.config import Config

from zoo.api import check_architecture
from zoo.engine.checkpoint import read_published
from zoo.engine.data import provenance_of
from zoo.engine.runner import ZooRunner
from zoo.errors import ConfigError
from zoo.inference.provenance import check_provenance
from zoo.metrics.forgery import ForgeryMetric


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came of an evaluation.

    Attributes:
        table: one row a sample, with the columns of ``zoo.metrics.table.SCHEMA``.
        summary: all figures, see ``zoo.metrics.summary.summarize``.
        told: what the data tells of itself.
        published: what the checkpoint holds.
        warnings: what a reader of the figures must know.
        runner: that evaluated, with its model.
        data_root: where the data lies, if the dataset tells.
    """

    table: pa.Table
    summary: Mapping[str, Any]
    told: Mapping[str, Any]
    published: Mapping[str, Any]
    warnings: list[str]
    runner: ZooRunner
    data_root: Any = None


def put_to_test(config: Config, split: str, *, where: object) -> None:
    """Put the data of ``split`` (``test`` or ``val``) where a runner looks for what it tests on.

    Raises:
        ConfigError: the config has no such data.
    """
    parts = [f"{split}_{part}" for part in ("dataloader", "evaluator", "cfg")]
    if missing := [part for part in parts if config.get(part) is None]:
        raise ConfigError(f"The config lacks {', '.join(missing)}.", where=where)
    config.test_dataloader, config.test_evaluator = config[parts[0]], config[parts[1]]
    config.test_cfg = {**config[parts[2]], "type": "TestingLoop"}


def evaluate(
    config: Config,
    checkpoint: str | os.PathLike,
    *,
    split: str,
    timelines: bool = False,
    allow_mismatch: bool = False,
) -> Evaluation | None:
    """Evaluate ``checkpoint`` on the test data of ``config``, on every rank of the process group; None on all but 0.

    Args:
        config: as `put_to_test` left it, with the checkpoint as its ``load_from``.
        checkpoint: a published form or a training checkpoint.
        split: what the test data is called, for warnings.
        timelines: keep the scores of single frames.
        allow_mismatch: see `zoo.inference.provenance.check_provenance`.

    Raises:
        CheckpointError: it cannot be read, or is of another model than the config's.
        DataError: the data was made otherwise than that of the training.
    """
    published = read_published(checkpoint)
    check_architecture(published["architecture"], config.model, where=checkpoint)
    runner = ZooRunner.from_cfg(config)
    metric = _collector(runner.test_evaluator.metrics, timelines=timelines)
    dataset = runner.test_loop.dataloader.dataset
    told = provenance_of(dataset)
    warnings = check_provenance(published["provenance"], told, allow_mismatch=allow_mismatch, where=checkpoint)
    runner.test()
    if metric.table is None or metric.summary is None:  # not rank 0
        return None
    return Evaluation(
        table=metric.table,
        summary=metric.summary,
        told=told,
        published=published,
        warnings=[*warnings, *warnings_of(metric.summary, dataset, split=split)],
        runner=runner,
        data_root=getattr(dataset, "data_root", None),
    )


def warnings_of(summary: Mapping[str, Any], dataset: Any, *, split: str) -> list[str]:
    """What a reader of the figures must know about the data."""
    warnings = []
    if split == "val":
        warnings.append(
            "These are figures of the validation data, on which the checkpoint was chosen: they flatter it."
        )
    excluded = Counter(getattr(dataset, "excluded", {}).values())
    if excluded:
        warnings.append(
            f"{sum(excluded.values())} clips could not be used and are not in the figures: {_counts(excluded)}."
        )
    unscored = {name: n for name, n in summary["status"].items() if name != "ok"}
    if unscored:
        warnings.append(
            f"{sum(unscored.values())} samples have no score and are not in the figures: {_counts(unscored)}."
        )
    if summary["n"] != len(dataset):
        warnings.append(f"Only {summary['n']} different samples of {len(dataset)} were evaluated.")
    return warnings


def _collector(metrics: Sequence[Any], *, timelines: bool) -> ForgeryMetric:
    """The metric that collects the predictions."""
    for metric in metrics:
        if isinstance(metric, ForgeryMetric):
            metric.timelines = timelines
            return metric
    raise ConfigError(
        "The config's evaluator has no ForgeryMetric.", next_step='Add dict(type="ForgeryMetric") to test_evaluator.'
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
