"""``zoo test CONFIG CHECKPOINT``: evaluate a checkpoint; every figure is printed and saved with its level and n.

Writes ``results.json`` and ``predictions.parquet`` into the work directory, where ``zoo report`` finds them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli._launching import add_launch_options, run_launched
from zoo.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config

    from zoo.metrics.forgery import ForgeryMetric


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)

    def prepare() -> Path:
        from zoo.engine.checkpoint import read_published

        config = _load(options)
        read_published(options.checkpoint)
        return Path(config.work_dir, "failure.txt")

    return run_launched(options, ["test", *arguments], prepare=prepare, body=lambda: _test(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, alias::file.py, or the name of a shipped config")
    parser.add_argument("checkpoint", help="a published form (.pth, .safetensors) or a training checkpoint")
    parser.add_argument("--output", metavar="FILE", help="figures as JSON (default: WORK_DIR/results.json)")
    parser.add_argument(
        "--predictions",
        metavar="FILE",
        help="scores of every sample, .parquet or .csv (default: WORK_DIR/predictions.parquet)",
    )
    parser.add_argument("--split", choices=("test", "val"), default="test", help="which data (default: %(default)s)")
    parser.add_argument("--experiment", metavar="NAME", help="name of the run (default: the config's name)")
    parser.add_argument("--work-dir", metavar="DIR", help="where results go (default: work_dirs/NAME)")
    parser.add_argument(
        "--data-root", nargs="+", action="extend", metavar="PATH", help="where the data lies; several are read together"
    )
    parser.add_argument(
        "--allow-mismatch",
        action="store_true",
        help="evaluate though the features come from another extractor, or the crops were made with other settings",
    )
    parser.add_argument(
        "--no-timelines", action="store_true", help="do not keep frame scores, which cost 4 bytes a frame"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="overrides, such as test_dataloader.batch_size=8",
    )
    add_launch_options(parser)
    return parser


def _load(options: argparse.Namespace) -> Config:
    """The checked config, with the chosen split where the runner looks for the test data."""
    from zoo.config import find_config, load_config

    root = options.data_root
    config = load_config(options.config, options.cfg_options, data_root=root, val_data_root=root, needs_data=True)
    parts = [f"{options.split}_{part}" for part in ("dataloader", "evaluator", "cfg")]
    if missing := [part for part in parts if config.get(part) is None]:
        raise ConfigError(f"The config lacks {', '.join(missing)}.", where=options.config)
    config.test_dataloader, config.test_evaluator = config[parts[0]], config[parts[1]]
    config.test_cfg = {**config[parts[2]], "type": "TestingLoop"}
    config.experiment_name = options.experiment or config.get("experiment_name") or find_config(options.config).stem
    config.work_dir = options.work_dir or config.get("work_dir") or str(Path("work_dirs") / config.experiment_name)
    config.launcher = options.launcher
    config.load_from = options.checkpoint
    config.resume = False
    return config


def _test(options: argparse.Namespace) -> int:
    """The work of one rank."""
    from zoo.api import check_architecture
    from zoo.cli import _results
    from zoo.cli._provenance import check_provenance
    from zoo.engine.checkpoint import read_published
    from zoo.engine.data import provenance_of
    from zoo.engine.distributed import process_group
    from zoo.engine.runner import ZooRunner
    from zoo.files import write_json
    from zoo.predictions import write_predictions

    config = _load(options)
    folder = Path(config.work_dir)
    config.work_dir = str(folder / options.split)  # logs of the evaluation, apart from those of the training
    with process_group(config.launcher):
        published = read_published(options.checkpoint)
        check_architecture(published["architecture"], config.model, where=options.checkpoint)
        runner = ZooRunner.from_cfg(config)
        metric = _metric(runner.test_evaluator.metrics, timelines=not options.no_timelines)
        dataset = runner.test_loop.dataloader.dataset
        told = provenance_of(dataset)
        warnings = check_provenance(
            published["provenance"], told, allow_mismatch=options.allow_mismatch, where=options.checkpoint
        )
        runner.test()
        if metric.table is None or metric.summary is None:  # not rank 0
            return 0
        warnings += _results.warnings_of(metric.summary, dataset, split=options.split)
        results = {
            **metric.summary,
            "experiment": config.experiment_name,
            "levels": _results.level_names(told),
            "model": _results.model_facts(runner.bare_model),
            "checkpoint": _results.checkpoint_facts(options.checkpoint, published),
            "data": {"root": getattr(dataset, "data_root", None), "loader": options.split, **told},
            "environment": _results.environment(ranks=runner.world_size),
            "warnings": warnings,
        }
        output = Path(options.output or folder / "results.json")
        predictions = Path(options.predictions or folder / "predictions.parquet")
        write_predictions(predictions, metric.table)
        write_json(output, results)
        _results.show(runner.console, results)
        print(f"results:     {output}\npredictions: {predictions}")
    return 0


def _metric(metrics: Sequence[Any], *, timelines: bool) -> ForgeryMetric:
    """The metric that collects the predictions."""
    from zoo.metrics.forgery import ForgeryMetric

    for metric in metrics:
        if isinstance(metric, ForgeryMetric):
            metric.timelines = timelines
            return metric
    raise ConfigError(
        "The config's evaluator has no ForgeryMetric.", next_step='Add dict(type="ForgeryMetric") to test_evaluator.'
    )


if __name__ == "__main__":
    sys.exit(main())
