"""``zoo train CONFIG``: train a detector, alone or on several ranks; a killed run continues with ``--resume auto``.

Of an ensemble's config the members' validation predictions are made, once, and what combines them is fitted.

Exit codes: 0 trained to the end; 2 an error that the message explains; 75 stopped by SIGTERM or SIGUSR1 after writing
a checkpoint, to be started again with ``--resume auto``; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli._ensembles import add_ensemble_options, refuse_ensemble_options, train_ensemble
from zoo.cli._launching import add_launch_options, note_command, run_launched, run_name

if TYPE_CHECKING:
    from mmengine.config import Config

AUTO = "auto"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    command = ["train", *arguments]
    from zoo.api import is_ensemble

    if is_ensemble(options.config):
        return train_ensemble(options, ["zoo", *command])
    refuse_ensemble_options(options)

    def prepare() -> Path:
        from zoo.engine.checkpoint import verify

        config = _load(options)
        if options.resume not in (None, AUTO):
            verify(options.resume)
        return Path(config.work_dir, "failure.txt")

    return run_launched(options, command, prepare=prepare, body=lambda: _train(_load(options), ["zoo", *command]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, alias::file.py, or the name of a shipped config")
    parser.add_argument("--experiment", metavar="NAME", help="name of the run (default: the config's name)")
    parser.add_argument("--work-dir", metavar="DIR", help="where everything is written (default: work_dirs/NAME)")
    parser.add_argument(
        "--resume",
        nargs="?",
        const=AUTO,
        metavar="auto|PATH",
        help="continue from the newest valid checkpoint of the work directory, or start if there is none; or from PATH",
    )
    parser.add_argument(
        "--data-root",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="where the data lies; several are read together; NAME=PATH is for that member of an ensemble",
    )
    parser.add_argument(
        "--val-data-root",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="where the data of validation lies, if elsewhere: cross-dataset validation",
    )
    parser.add_argument("--seed", type=int, help="seed of all random numbers")
    parser.add_argument("--deterministic", action="store_true", help="refuse algorithms whose results vary (slower)")
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="overrides, such as train_cfg.max_epochs=3"
    )
    add_ensemble_options(parser)
    add_launch_options(parser)
    return parser


def _load(options: argparse.Namespace) -> Config:
    """The checked config with all options in it."""
    from zoo.config import load_config

    config = load_config(
        options.config,
        options.cfg_options,
        data_root=options.data_root,
        val_data_root=options.val_data_root,
        needs_data=True,
    )
    config.experiment_name = name = run_name(options, config)
    config.work_dir = options.work_dir or config.get("work_dir") or str(Path("work_dirs") / name)
    config.launcher = options.launcher
    if options.seed is not None:
        config.merge_from_dict({"randomness.seed": options.seed})
    if options.deterministic:
        config.merge_from_dict({"randomness.deterministic": True})
    if options.resume is not None:
        config.resume = options.resume
    return config


def _train(config: Config, command: Sequence[str]) -> int:
    """The work of one rank."""
    from zoo.engine.checkpoint import training_checkpoints
    from zoo.engine.distributed import process_group
    from zoo.engine.launch import restarted
    from zoo.engine.ownership import work_dir_owner
    from zoo.engine.runner import ZooRunner

    with process_group(config.launcher), work_dir_owner(config.work_dir) as ownership:
        if restarted() and training_checkpoints(config.work_dir):
            config.resume = AUTO
        if ownership is not None:
            note_command(Path(config.work_dir), command)
        ZooRunner.from_cfg(config).train()
    return 0


if __name__ == "__main__":
    sys.exit(main())
