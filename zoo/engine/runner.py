"""The runner: builds what a config describes, trains, evaluates, and goes on where a run was stopped."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper, revert_sync_batchnorm
from mmengine.runner import Runner, set_random_seed
from rich.console import Console
from torch import nn
from torch.utils.data import DataLoader

from zoo import _compat
from zoo.engine.checkpoint import TRAINING, load_weights, newest_valid, read_checkpoint, read_published, save_checkpoint
from zoo.engine.data import provenance_of, stop_workers
from zoo.engine.parameter_groups import LayeredConstructor
from zoo.engine.plain import plain
from zoo.engine.precision import PrecisionPolicy, precision_policy
from zoo.engine.state import capture_state, restore_state
from zoo.errors import ConfigError, LaunchError, WorkDirError
from zoo.files import atomic_write, sweep_partial_files
from zoo.registry import build

_runners = count()


class ZooRunner(Runner):
    """mmengine's runner with zoo's components, loops and checkpoints.

    ``resume`` is False, ``"auto"`` (or True: the newest whole checkpoint of the work directory, a fresh start if there
    is none) or the path of a training checkpoint. ``load_from`` names weights to start from: a published file or a
    training checkpoint. Hooks are those of the config, and the one that steps the schedules. A process group must
    exist before a runner with a ``launcher`` is built.

    Attributes:
        console: where users read; silent on all ranks but 0. `say` writes there and to the log file.
        last_metrics: the figures of the last evaluation; empty before the first.
        last_saved: the training checkpoint written last by this process.
        is_training: whether `train` is under way; an evaluation then is part of it.
    """

    _timestamp: str
    _train_loop: Any
    _val_loop: Any
    _test_loop: Any
    optim_wrapper: Any
    param_schedulers: Any

    def __init__(self, model: nn.Module | Mapping[str, Any], work_dir: str | os.PathLike, **options: Any) -> None:
        _compat.apply()
        _require_writable(Path(work_dir))
        self.console = Console()
        self.last_metrics: dict[str, float] = {}
        self.last_saved: Path | None = None
        self.is_training = False
        self.architecture = plain(model) if isinstance(model, Mapping) else {}
        options.setdefault("default_scope", "zoo")
        super().__init__(model=model, work_dir=os.fspath(work_dir), **options)

    @classmethod
    def from_cfg(cls, cfg: Config | Mapping[str, Any]) -> ZooRunner:
        """The runner that ``cfg`` describes; ``cfg`` stays as it is."""
        cfg = copy.deepcopy(cfg) if isinstance(cfg, Config) else Config(copy.deepcopy(dict(cfg)))
        cfg.setdefault("default_scope", "zoo")
        return super().from_cfg(cfg)

    # Surroundings

    def setup_env(self, env_cfg: Mapping[str, Any]) -> None:
        if self._launcher != "none" and not torch.distributed.is_initialized():
            raise LaunchError(
                f"launcher is {self._launcher!r} and there is no process group.",
                next_step="Start the run with tools/train.py, or initialise torch.distributed first.",
            )
        self._distributed = torch.distributed.is_initialized()
        super().setup_env(dict(env_cfg))
        self._timestamp = f"{self._timestamp}_{next(_runners)}"  # instances are told apart by name
        self.console.quiet = self.rank != 0

    def set_randomness(self, seed: int | None = None, diff_rank_seed: bool = True, deterministic: bool = False) -> None:
        """Seed all generators: ``seed`` orders the data on every rank, ``seed + rank`` drives dropout and the like."""
        if deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        self._deterministic = deterministic
        self._seed = set_random_seed(seed, deterministic=deterministic)
        if diff_rank_seed and self.rank:
            set_random_seed(self._seed + self.rank)

    def build_logger(self, log_level: int | str = "INFO", log_file: str | None = None, **options: Any) -> MMLogger:
        """A logger whose file takes everything and whose terminal only warnings: users read the console."""
        logger = super().build_logger(log_level, log_file, **options)
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.setLevel(logging.WARNING)
        return logger

    def say(self, text: str) -> None:
        """Tell the user, and the log file."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)
        self.logger.info(text)

    def dump_config(self) -> None:
        """Write the resolved config into the work directory."""
        self.config_text = self.cfg.pretty_text
        if self.rank == 0:
            name = Path(self.cfg.filename).name if self.cfg.filename else "config.py"
            with atomic_write(Path(self.work_dir, name), "w") as file:
                file.write(self.config_text)

    def _log_env(self, env_cfg: Mapping[str, Any]) -> None:
        self.logger.info(
            f"torch {torch.__version__}, device {get_device()}, {self.world_size} processes, seed {self.seed}"
        )

    # Parts

    def build_model(self, model: nn.Module | Mapping[str, Any]) -> nn.Module:
        return build("detector", model)

    def wrap_model(self, model_wrapper_cfg: Mapping[str, Any] | None, model: nn.Module) -> nn.Module:
        """Move the model to its device, prepare it for its precision and, with several processes, wrap it."""
        if is_model_wrapper(model):
            return model
        model = model.to(get_device())
        self._policy().prepare(model)
        if not self.distributed:
            return revert_sync_batchnorm(model)
        return build("model_wrapper", {"type": "DistributedDetector", **(model_wrapper_cfg or {})}, module=model)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimiser, by `parameter_groups` if asked; Adam and AdamW run fused unless the config says how."""
        if isinstance(optim_wrapper, Mapping):
            optim_wrapper = {"type": "PrecisionOptimWrapper", **copy.deepcopy(dict(optim_wrapper))}
            optimizer = optim_wrapper.get("optimizer") or {}
            chosen = optimizer.keys() & {"fused", "foreach", "capturable", "differentiable"}
            if optimizer.get("type") in ("Adam", "AdamW") and not chosen:
                optimizer["fused"] = get_device() in ("cpu", "cuda")
            if optim_wrapper.get("layer_decay") is not None or not optim_wrapper.get("decay_vectors", True):
                optim_wrapper["constructor"] = LayeredConstructor
        return super().build_optim_wrapper(optim_wrapper)

    def build_train_loop(self, loop: Any) -> Any:
        return self._build_loop(loop, "EpochTrainLoop", dataloader=self._train_dataloader)

    def build_val_loop(self, loop: Any) -> Any:
        data = {"dataloader": self._val_dataloader, "evaluator": self._val_evaluator}
        return self._build_loop(loop, "EvaluationLoop", **data)

    def build_test_loop(self, loop: Any) -> Any:
        data = {"dataloader": self._test_dataloader, "evaluator": self._test_evaluator}
        return self._build_loop(loop, "TestingLoop", **data)

    def register_default_hooks(self, hooks: Mapping[str, Any] | None = None) -> None:
        """Register the hooks that the config names, and the one that steps the schedules."""
        chosen = {"param_scheduler": {"type": "ParamSchedulerHook"}, **(hooks or {})}
        for hook in chosen.values():
            if hook is not None:
                self.register_hook(hook)

    def register_hook(self, hook: Hook | Mapping[str, Any], priority: Any = None) -> None:
        if isinstance(hook, Mapping):
            options = dict(hook)
            priority = priority or options.pop("priority", None)
            hook = build("hook", options)
        super().register_hook(hook, priority)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call ``fn_name`` on every hook that has it; what a hook raises comes out as it is."""
        for hook in self._hooks:
            if (method := getattr(hook, fn_name, None)) is not None:
                method(self, **kwargs)

    @property
    def bare_model(self) -> nn.Module:
        """The detector without its distributed wrapper."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    @property
    def provenance(self) -> dict[str, Any]:
        """What the training data says of its origin: corpora, hashes, the extractor's fingerprint."""
        return provenance_of(self.train_dataloader.dataset)

    # Runs

    def train(self) -> nn.Module:
        """Train to the end of ``train_cfg``, from the start or from where ``resume`` says; returns the model.

        ``after_run`` is called on every hook however training ends.
        """
        self._require(self._train_loop, "train_dataloader, train_cfg and optim_wrapper")
        try:
            self.call_hook("before_run")
            path, state = self._state_to_resume()
            if state is not None:
                self.set_randomness(**{**self._randomness_cfg, "seed": state["meta"]["seed"]})
            if self.rank == 0:
                sweep_partial_files(self.work_dir)
            self._train_loop = self.build_train_loop(self._train_loop)
            self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
            self.scale_lr(self.optim_wrapper, self.auto_scale_lr)
            if self.param_schedulers is not None:
                self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
            if self._val_loop is not None:
                self._val_loop = self.build_val_loop(self._val_loop)
                if hasattr(training := self.train_dataloader.dataset, "keep_apart_from"):
                    training.keep_apart_from(self.val_dataloader.dataset)
            if state is not None:
                restore_state(self, state, where=path)
                self.say(f"Resumed {path} at epoch {self.epoch}, iteration {self.iter}.")
                self._has_loaded = True
                del state
            elif self._load_from is None and callable(fetch := getattr(self.bare_model, "fetch_weights", None)):
                fetch()
            self.load_or_resume()
            self.is_training = True
            return self._train_loop.run()
        finally:
            self.is_training = False
            self._stop_workers()
            self.call_hook("after_run")

    def val(self) -> dict[str, float]:
        """Evaluate on the validation data; ``load_from`` names the weights."""
        self._require(self._val_loop, "val_dataloader, val_cfg and val_evaluator")
        self._val_loop = self.build_val_loop(self._val_loop)
        return self._evaluate(self._val_loop)

    def test(self) -> dict[str, float]:
        """Evaluate on the test data; ``load_from`` names the weights, else they are as training left them."""
        self._require(self._test_loop, "test_dataloader, test_cfg and test_evaluator")
        self._test_loop = self.build_test_loop(self._test_loop)
        return self._evaluate(self._test_loop)

    # Checkpoints

    def save_checkpoint(self, path: str | os.PathLike, state: Mapping[str, Any] | None = None) -> Path:
        """Write the whole state of the run, at a resumable point; all ranks call it, rank 0 writes.

        Raises:
            WorkDirError: it cannot be written; what was at ``path`` is still there.
        """
        state = capture_state(self) if state is None else state
        if self.rank == 0:
            save_checkpoint(path, state)
        self.last_saved = Path(path)
        return self.last_saved

    def load_checkpoint(self, path: str | os.PathLike, **_: Any) -> dict[str, Any]:
        """Load the weights of a published file or a training checkpoint; returns its published form."""
        published = read_published(Path(path))
        load_weights(self.bare_model, published["state_dict"], where=path)
        self._has_loaded = True
        self.logger.info(f"Loaded the weights of {path}.")
        return published

    def load_or_resume(self) -> None:
        """Load the weights that ``load_from`` names, once, unless a state was resumed."""
        if self._load_from is not None and not self._has_loaded:
            self.load_checkpoint(self._load_from)

    def _policy(self) -> PrecisionPolicy:
        """The precision that the model is trained in; the plain one where nothing is trained."""
        if isinstance(self.optim_wrapper, Mapping):
            return precision_policy(self.optim_wrapper.get("precision", "fp32"))
        return getattr(self.optim_wrapper, "policy", precision_policy("fp32"))

    def _state_to_resume(self) -> tuple[Path | None, dict[str, Any] | None]:
        if not self._resume:
            return None, None
        if self._resume not in (True, "auto"):
            path = Path(self._resume)
        else:
            chosen = [newest_valid(self.work_dir) if self.rank == 0 else None]
            broadcast_object_list(chosen)
            if chosen[0] is None:
                self.say("No checkpoint to resume; starting afresh.")
                return None, None
            path = chosen[0]
        return path, read_checkpoint(path, expect=TRAINING)

    def _evaluate(self, loop: Any) -> dict[str, float]:
        try:
            self.call_hook("before_run")
            self.load_or_resume()
            return loop.run()
        finally:
            self._stop_workers()
            self.call_hook("after_run")

    def _stop_workers(self) -> None:
        for loop in (self._train_loop, self._val_loop, self._test_loop):
            if isinstance(loader := getattr(loop, "dataloader", None), DataLoader):
                stop_workers(loader)

    def _build_loop(self, loop: Any, default: str, **parts: Any) -> Any:
        if not isinstance(loop, Mapping):
            return loop
        return build("loop", {"type": default, **loop}, runner=self, **parts)

    @staticmethod
    def _require(loop: Any, keys: str) -> None:
        if loop is None:
            raise ConfigError(f"The config lacks {keys}.")


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkDirError(f"Cannot make the work directory: {error.strerror}.", where=folder) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WorkDirError(
            "The work directory cannot be written.", where=folder, next_step="Choose another --work-dir."
        )
