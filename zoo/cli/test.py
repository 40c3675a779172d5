"""``zoo test CONFIG CHECKPOINT``: evaluate a checkpoint; every figure is printed and saved with its level and n.

An ensemble is tested likewise, by its config and its ``ensemble.json``; ``--members`` looks at each member as well.
Writes ``results.json`` and ``predictions.parquet`` into the work directory, where ``zoo report`` finds them; with a
LocalizationMetric in the config's evaluator also ``segments.parquet``, beside the predictions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli._ensembles import add_ensemble_options, refuse_ensemble_options, test_ensemble
from zoo.cli._launching import add_launch_options, run_launched

if TYPE_CHECKING:
    from mmengine.config import Config


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    from zoo.api import is_ensemble

    if is_ensemble(options.config) or options.checkpoint.endswith(".json"):
        return test_ensemble(options)
    refuse_ensemble_options(options)

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
    parser.add_argument(
        "checkpoint", help="a published form (.pth, .safetensors), a training checkpoint, or ensemble.json"
    )
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
        "--data-root",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="where the data lies; several are read together; NAME=PATH is for that member of an ensemble",
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
    add_ensemble_options(parser, members=True)
    add_launch_options(parser)
    return parser


def _load(options: argparse.Namespace) -> Config:
    """The checked config, with the chosen split where the runner looks for the test data."""
    from zoo.config import find_config, load_config
    from zoo.inference.evaluation import put_to_test

    root = options.data_root
    config = load_config(options.config, options.cfg_options, data_root=root, val_data_root=root, needs_data=True)
    put_to_test(config, options.split, where=options.config)
    config.experiment_name = options.experiment or config.get("experiment_name") or find_config(options.config).stem
    config.work_dir = options.work_dir or config.get("work_dir") or str(Path("work_dirs") / config.experiment_name)
    config.launcher = options.launcher
    config.load_from = options.checkpoint
    config.resume = False
    return config


def _test(options: argparse.Namespace) -> int:
    """The work of one rank."""
    from zoo.cli import _localization, _results
    from zoo.engine.distributed import process_group
    from zoo.files import write_json
    from zoo.inference.evaluation import evaluate
    from zoo.predictions import write_predictions

    config = _load(options)
    folder = Path(config.work_dir)
    config.work_dir = str(folder / options.split)  # logs of the evaluation, apart from those of the training
    with process_group(config.launcher):
        found = evaluate(
            config,
            options.checkpoint,
            split=options.split,
            timelines=not options.no_timelines,
            allow_mismatch=options.allow_mismatch,
        )
        if found is None:  # not rank 0
            return 0
        localized = _localization.metric_of(found.runner.test_evaluator.metrics)
        results = {
            **found.summary,
            **({} if localized is None else {"localization": localized.summary}),
            "experiment": config.experiment_name,
            "levels": _results.level_names(found.told),
            "model": _results.model_facts(found.runner.bare_model),
            "checkpoint": _results.checkpoint_facts(options.checkpoint, found.published),
            "data": {"root": found.data_root, "loader": options.split, **found.told},
            "environment": _results.environment(ranks=found.runner.world_size),
            "warnings": found.warnings,
        }
        output = Path(options.output or folder / "results.json")
        predictions = Path(options.predictions or folder / "predictions.parquet")
        write_predictions(predictions, found.table)
        write_json(output, results)
        _results.show(found.runner.console, results)
        print(f"results:     {output}\npredictions: {predictions}")
        if localized is not None:
            _localization.show(found.runner.console, results["localization"])
            print(f"segments:    {_localization.save(localized, beside=predictions)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
