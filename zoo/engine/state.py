"""Everything that a run needs to go on as if it had never stopped, as tensors and plain types."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
from mmengine.dist import all_gather_object

from zoo._compat import CappedHistory
from zoo.engine.checkpoint import TRAINING, VERSION, load_weights
from zoo.engine.plain import plain
from zoo.engine.rng import capture_rng
from zoo.errors import CheckpointError


def capture_state(runner: Any) -> dict[str, Any]:
    """The state of ``runner`` at a resumable point. Every rank must call this; every rank gets the same."""
    loop = runner.train_loop
    hub = runner.message_hub
    state = {
        "format": TRAINING,
        "version": VERSION,
        "state_dict": runner.bare_model.state_dict(),
        "optimizer": runner.optim_wrapper.state_dict(),
        "param_schedulers": [scheduler.state_dict() for scheduler in runner.param_schedulers or ()],
        "message_hub": {
            name: {"values": history.data[0].tolist(), "counts": history.data[1].tolist()}
            for name, history in hub.log_scalars.items()
            if hub._resumed_keys.get(name, False)
        },
        "ranks": all_gather_object(plain({"rng": capture_rng(), "hooks": _hook_states(runner)})),
        "loop": loop.state_dict(),
        "meta": {
            "epoch": loop.epoch,
            "iter": loop.iter,
            "seed": runner.seed,
            "experiment": runner.experiment_name,
            "config": runner.config_text,
            "architecture": runner.architecture,
            "provenance": runner.provenance,
            "metrics": runner.last_metrics,
            "zoo_version": version("deepfake-zoo"),
            "torch_version": str(torch.__version__),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        },
    }
    runner.call_hook("before_save_checkpoint", checkpoint=state)
    return plain(state)


def restore_state(runner: Any, state: Mapping[str, Any], *, where: object) -> None:
    """Put ``runner``, whose parts are all built, into ``state``.

    Raises:
        CheckpointError: the state is of another model, schedule or order of data.
    """
    meta = state["meta"]
    if meta["architecture"] != (architecture := plain(runner.architecture)):
        raise CheckpointError(
            f"The checkpoint is of another model: {_differences(meta['architecture'], architecture)}.",
            where=where,
            next_step="Resume with the config it was trained with, or start from its weights with load_from.",
        )
    runner.call_hook("after_load_checkpoint", checkpoint=state)
    load_weights(runner.bare_model, state["state_dict"], where=where)
    if len(state["param_schedulers"]) != len(runner.param_schedulers or ()):
        raise CheckpointError("The checkpoint has another number of schedules.", where=where)
    try:
        runner.optim_wrapper.load_state_dict(state["optimizer"])
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"The state of the optimiser does not fit: {error}", where=where) from error
    for scheduler, values in zip(runner.param_schedulers or (), state["param_schedulers"], strict=True):
        scheduler.load_state_dict(values)
    for name, history in state["message_hub"].items():
        runner.message_hub.log_scalars[name] = CappedHistory(history["values"], history["counts"])
        runner.message_hub._resumed_keys[name] = True
    same_ranks = len(state["ranks"]) == runner.world_size
    mine = state["ranks"][runner.rank if same_ranks else 0]
    hooks = _stateful_hooks(runner)
    for name, values in mine["hooks"].items():
        if name in hooks:
            hooks[name].load_state_dict(values)
        else:
            runner.logger.warning(f"The checkpoint holds the state of {name}, which this run does not have.")
    runner.train_loop.load_state_dict(state["loop"])
    runner.last_metrics = dict(meta["metrics"])
    runner.train_loop.rng_to_restore = mine["rng"] if same_ranks else None


def _hook_states(runner: Any) -> dict[str, Any]:
    return {name: hook.state_dict() for name, hook in _stateful_hooks(runner).items()}


def _stateful_hooks(runner: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for hook in runner.hooks:
        if hasattr(hook, "state_dict"):
            name = type(hook).__name__
            same = sum(key.partition("#")[0] == name for key in found)
            found[f"{name}#{same}" if same else name] = hook
    return found


def _differences(old: Any, new: Any, at: str = "model") -> str:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        parts = (_differences(old.get(key), new.get(key), f"{at}.{key}") for key in keys)
        return "; ".join(part for part in parts if part)
    return "" if old == new else f"{at} was {old!r} and is {new!r}"
