"""Every mistake of a config, found against the signatures of what it names, before anything is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Final

import mmengine.registry as roots

from zoo.config.ensemble import ensemble_mistakes
from zoo.errors import PluginError, UnknownComponent, did_you_mean
from zoo.plugins import catalog
from zoo.plugins.manager import in_one_line
from zoo.registry import REGISTRIES

_TOGETHER: Final = (
    ("train_dataloader", "train_cfg", "optim_wrapper"),
    ("val_dataloader", "val_cfg", "val_evaluator"),
    ("test_dataloader", "test_cfg", "test_evaluator"),
)
_OTHER_KEYS: Final = """
custom_hooks custom_imports data_root default_hooks default_scope ensemble env_cfg experiment_name launcher load_from
log_level log_processor model model_wrapper_cfg param_scheduler randomness resume val_data_root visualizer work_dir
""".split()  # noqa: SIM905
TOP_LEVEL_KEYS: Final = frozenset([*(key for group in _TOGETHER for key in group), *_OTHER_KEYS])
_DEFAULT_LOOPS: Final = {"train": "EpochTrainLoop", "val": "EvaluationLoop", "test": "TestingLoop"}

# Arguments that the runner, not the config, gives to a component of this kind.
_SUPPLIED: Final[Mapping[str, frozenset[str]]] = {
    "loop": frozenset({"runner", "dataloader", "evaluator"}),
    "sampler": frozenset({"dataset", "seed"}),
    "optimizer": frozenset({"params"}),
    "optim_wrapper": frozenset({"optimizer"}),
    "param_scheduler": frozenset({"optimizer"}),
    "collate": frozenset({"data_batch", "samples", "batch"}),
    "model_wrapper": frozenset({"module"}),
    "visualizer": frozenset({"save_dir"}),
}
# Kind of what an argument holds, and which it is where the config does not say.
_HELD: Final[Mapping[str, tuple[str, str | None]]] = {
    "optimizer": ("optimizer", None),
    "precision": ("precision", "PrecisionPolicy"),
    "vis_backends": ("visualizer", None),
}
# Keys that mmengine takes out of a component's config before it calls the constructor.
_TAKEN_BEFORE: Final = frozenset(
    {"type", "_scope_", "constructor", "paramwise_cfg", "by_epoch", "convert_to_iter_based", "priority"}
)

# Constructors that have ``**kwargs`` in their signature and refuse all of them.
_TAKE_NOTHING: Final = frozenset({"builtins.object", "torch.nn.modules.module.Module"})

# What mmengine itself brings: its registry, and the module that fills it.
_MMENGINE_KINDS: Final[Mapping[str, tuple[roots.Registry, str]]] = {
    "optimizer": (roots.OPTIMIZERS, "mmengine.optim"),
    "param_scheduler": (roots.PARAM_SCHEDULERS, "mmengine.optim"),
    "log_processor": (roots.LOG_PROCESSORS, "mmengine.runner"),
    "visualizer_host": (roots.VISUALIZERS, "mmengine.visualization"),
}


class Mistake(str):
    """A mistake in a config, in one line; ``cause`` is the error of the plugin that made it one, with its traceback."""

    cause: PluginError | None

    def __new__(cls, text: str, cause: PluginError | None = None) -> Mistake:
        mistake = super().__new__(cls, text)
        mistake.cause = cause
        return mistake


def cause_of(mistakes: Sequence[str]) -> PluginError | None:
    """The first error of a plugin among the causes of ``mistakes``."""
    return next(filter(None, (getattr(mistake, "cause", None) for mistake in mistakes)), None)


def find_mistakes(config: Mapping[str, Any]) -> list[str]:
    """Every mistake in ``config``, a line each: unknown keys, components and arguments, and what is missing.

    Those that come from a plugin that does not load are `Mistake` objects, which hold its error.
    """
    mistakes = [
        f"{key}: unknown top-level key.{did_you_mean(key, TOP_LEVEL_KEYS)}"
        for key in config
        if key not in TOP_LEVEL_KEYS
    ]
    for group in _TOGETHER:
        given = [key for key in group if config.get(key) is not None]
        if given and len(given) < len(group):
            absent = [key for key in group if key not in given]
            mistakes.append(f"{', '.join(absent)}: missing; {' and '.join(group)} are given together or not at all")
    if config.get("ensemble") is not None:
        mistakes += ensemble_mistakes(config)
        for kind in ("combiner", "calibrator"):
            part = config["ensemble"].get(kind) if isinstance(config["ensemble"], Mapping) else None
            mistakes += _check(part, f"ensemble.{kind}", kind)
    mistakes += _check(config.get("model"), "model", "detector")
    mistakes += _check(config.get("optim_wrapper"), "optim_wrapper", "optim_wrapper")
    mistakes += _check(config.get("param_scheduler"), "param_scheduler", "param_scheduler")
    mistakes += _check(config.get("custom_hooks"), "custom_hooks", "hook")
    mistakes += _check(config.get("model_wrapper_cfg"), "model_wrapper_cfg", "model_wrapper")
    mistakes += _check(config.get("log_processor"), "log_processor", "log_processor", default="LogProcessor")
    mistakes += _check(config.get("visualizer"), "visualizer", "visualizer_host", default="Visualizer")
    for name, hook in (config.get("default_hooks") or {}).items():
        mistakes += _check(hook, f"default_hooks.{name}", "hook")
    for stage, loop in _DEFAULT_LOOPS.items():
        mistakes += _check(config.get(f"{stage}_cfg"), f"{stage}_cfg", "loop", default=loop)
        mistakes += _check(config.get(f"{stage}_evaluator"), f"{stage}_evaluator", "metric")
        mistakes += _check_loader(config.get(f"{stage}_dataloader"), f"{stage}_dataloader")
    return mistakes


def component_mistakes(config: Mapping[str, Any], kind: str) -> list[str]:
    """Every mistake in the config of one component of ``kind``, a line each."""
    return list(_check(config, kind, kind))


def _check_loader(loader: Any, where: str) -> Iterator[str]:
    if not isinstance(loader, Mapping):
        return
    kinds = {"dataset": "dataset", "sampler": "sampler", "batch_sampler": "sampler", "collate_fn": "collate"}
    known = _loader_arguments()
    for key, value in loader.items():
        if key not in known:
            yield f"{where}.{key}: a data loader has no such argument.{did_you_mean(key, known)}"
        elif key in kinds:
            yield from _check(value, f"{where}.{key}", kinds[key])
    if "dataset" not in loader:
        yield f"{where}.dataset: missing"


@cache
def _loader_arguments() -> frozenset[str]:
    from torch.utils.data import DataLoader

    return frozenset(inspect.signature(DataLoader).parameters) | {"num_batch_per_epoch"}


def _check(value: Any, where: str, kind: str | None, *, default: str | None = None) -> Iterator[str]:
    """Mistakes of a component's config, of a list of them, or of what they hold."""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _check(item, f"{where}.{index}", kind)
    if not isinstance(value, Mapping):
        return
    name = value.get("type", default)
    if name is None:
        if kind is not None:
            yield f"{where}: needs a 'type' (a {kind}; run: zoo list {kind})"
        else:
            for key, item in value.items():
                yield from _check(item, f"{where}.{key}", None)
        return
    if not isinstance(name, str):
        return  # a class given as an object checks its own arguments
    target, kind_found, problem = _resolve(name, kind)
    if problem is not None:
        yield Mistake(f"{where}: {problem}", problem.cause)
        return
    supplied = _SUPPLIED.get(kind_found or "", frozenset())
    known, required, open_ended = arguments_of(target)
    given = {key for key in value if key not in _TAKEN_BEFORE}
    if not open_ended:
        for key in sorted(given - known):
            yield f"{where}.{key}: {name} has no such argument.{did_you_mean(key, known - supplied)}"
    for key in sorted(required - given - supplied):
        yield f"{where}.{key}: {name} needs this argument"
    for key in sorted(given & known) if not open_ended else sorted(given):
        expected, assumed = _HELD.get(key, (None, None))
        yield from _check(value[key], f"{where}.{key}", expected, default=assumed)


def _resolve(name: str, kind: str | None) -> tuple[Any, str | None, Mistake | None]:
    """The class called ``name``, its kind, and None; or a line that says why there is none."""
    try:
        if kind is not None and kind in _MMENGINE_KINDS:
            registry, module = _MMENGINE_KINDS[kind]
            import_module(module)
            target = registry.get(name)
            if target is not None:
                return target, kind, None
            catalog().blame(name)
            return None, kind, Mistake(f"no {kind} named {name!r}.{did_you_mean(name, registry.module_dict)}")
        item = catalog().find(name)
        if item is not None and kind not in (None, item.kind):
            return None, kind, Mistake(f"{name} is a {item.kind}; a {kind} is wanted here (run: zoo list {kind})")
        found = item.kind if item is not None else kind
        target = REGISTRIES[found].get(name) if found is not None else None
        if target is None:
            catalog().require(name, kind)
        return target, found, None
    except UnknownComponent as error:
        return None, kind, Mistake(error.what[0].lower() + error.what[1:])
    except PluginError as error:
        return None, kind, Mistake(in_one_line(error), error)


def arguments_of(target: Any) -> tuple[frozenset[str], frozenset[str], bool]:
    """Names of all arguments, of the required ones, and whether any others are taken too.

    A constructor that hands its ``**kwargs`` to its parent takes the parent's arguments.
    """
    known: set[str] = set()
    required: set[str] = set()
    owners = [target]
    if inspect.isclass(target):
        classes = [owner for owner in target.__mro__ if "__init__" in vars(owner)]
        if f"{classes[0].__module__}.{classes[0].__name__}" in _TAKE_NOTHING:
            return frozenset(), frozenset(), False
        owners = [vars(owner)["__init__"] for owner in classes]
    for depth, owner in enumerate(owners):
        parameters = [p for p in inspect.signature(owner).parameters.values() if p.name != "self"]
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            known.add(parameter.name)
            if parameter.default is parameter.empty and depth == 0:
                required.add(parameter.name)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return frozenset(known), frozenset(required), False
    return frozenset(known), frozenset(required), True
