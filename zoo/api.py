"""The library's front door: list models by name, build them, load trained ones."""

from __future__ import annotations

import ast
import copy
import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.errors import CheckpointError, ConfigError
from zoo.plugins import catalog

if TYPE_CHECKING:
    from zoo.detectors.base import Detector


_WITHOUT_EFFECT: Final = (
    "loss",
    "dropout",
    "drop_rate",
    "drop_path_rate",
    "pretrained",
    "weights",
    "frozen_stages",
    "gradient_checkpointing",
)
"""Keys of a model's config that the logits of a trained one do not depend on."""


def list_models(pattern: str = "*") -> list[str]:
    """Names that `create_model` takes: the configs of zoo and of plugins that define a model, sorted.

    Args:
        pattern: as in a shell, for example ``"*xmodal*"``.
    """
    paths = (path for folder in catalog().config_dirs.values() for path in folder.glob("*.py"))
    return sorted(
        {path.stem for path in paths if fnmatchcase(path.stem, pattern) and _assigns(path.resolve(), "model")}
    )


def is_ensemble(name: str | os.PathLike) -> bool:
    """Whether ``name``, as `create_model` takes it, is the config of an ensemble and not of one detector.

    Raises:
        ConfigError: no such config.
    """
    from zoo.config import find_config

    return _assigns(find_config(name).resolve(), "ensemble")


def create_model(
    name_or_config: str | os.PathLike | Mapping[str, Any],
    checkpoint: str | os.PathLike | None = None,
    **overrides: Any,
) -> Detector:
    """Build a detector, with random weights or those of ``checkpoint``, in training mode.

    A cross-modal detector takes ``inputs = {"visual": float32 [b, t, d_v], "audio": float32 [b, t, d_a],
    "visual_mask": bool [b, t], "audio_mask": bool [b, t]}``, masks True where a frame is valid; a unimodal one needs
    its own modality alone; one of pictures takes ``{"image": uint8 [b, 3, h, w]}``. ``model(inputs)`` gives fake
    logits [b]: sigmoid is the score, 0 = real, 1 = fake.
    ``mode="predict"`` with ``data_samples`` gives filled samples, ``mode="loss"`` the training losses.

    Args:
        name_or_config: a name out of `list_models`, ``alias::file.py``, the path of a config, a loaded config, or a
            model's own config (a mapping with ``type``).
        checkpoint: a published form (``.pth``, ``.safetensors``) or a training checkpoint, of the same architecture.
        **overrides: arguments of the model to change; dotted keys reach deeper:
            ``create_model("xmodal_base", **{"fusion.direction": "audio_to_visual"})``.

    Raises:
        ConfigError: no such config, one without a model, or arguments that do not exist.
        CheckpointError: the checkpoint cannot be read or is of another architecture.
    """
    from zoo.engine.checkpoint import load_weights, read_published
    from zoo.engine.plain import plain
    from zoo.registry import build

    config = _model_config(name_or_config, overrides)
    model = build("detector", config)
    if checkpoint is not None:
        published = read_published(checkpoint)
        check_architecture(published["architecture"], plain(config), where=checkpoint)
        load_weights(model, published["state_dict"], where=checkpoint)
    return model


def load_model(checkpoint: str | os.PathLike) -> Detector:
    """The detector in ``checkpoint`` with its weights, on the CPU, in evaluation mode; no config is needed.

    See `create_model` for what it takes and gives.

    Args:
        checkpoint: a published form (``.pth``, ``.safetensors``) or a training checkpoint.

    Raises:
        CheckpointError: it cannot be read, or carries no architecture.
    """
    from zoo.engine.checkpoint import read_published

    return trained_model(read_published(checkpoint), where=checkpoint)


def trained_model(published: Mapping[str, Any], *, where: str | os.PathLike) -> Detector:
    """The same out of what `zoo.engine.checkpoint.read_published` gives; ``where`` is its file, for errors.

    Raises:
        CheckpointError: it carries no architecture.
    """
    from zoo.engine.checkpoint import load_weights
    from zoo.registry import build

    if not published["architecture"]:
        raise CheckpointError(
            "The checkpoint carries no architecture, so no model can be built from it.",
            where=where,
            next_step="Publish it again from a run whose model was given as a config.",
        )
    model = build("detector", published["architecture"])
    load_weights(model, published["state_dict"], where=where)
    return model.eval()


def check_architecture(trained: Mapping[str, Any], wanted: Mapping[str, Any], *, where: object) -> None:
    """Refuse a config whose model differs from the checkpoint's, even where all weights would fit (heads!).

    Raises:
        CheckpointError: with each difference, or because the checkpoint carries no architecture.
    """
    if not trained:
        raise CheckpointError(
            "The checkpoint carries no architecture to check the model against.",
            where=where,
            next_step="Publish it again from a run whose model was given as a config.",
        )
    differences = list(_differences(trained, wanted, "model"))
    if differences:
        raise CheckpointError(
            "The checkpoint is of another model than the config's: " + "; ".join(differences) + ".",
            where=where,
            next_step="Use the config it was trained with, or zoo.load_model, which needs none.",
        )


def _model_config(source: str | os.PathLike | Mapping[str, Any], overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """The checked config of the model alone."""
    from mmengine.config import Config

    from zoo.config import cause_of, find_mistakes, load_config

    dotted = {f"model.{key}": value for key, value in overrides.items()}
    if not isinstance(source, Mapping | Config):
        config = load_config(source, dotted)
    else:
        model = source if "type" in source else source.get("model")
        config = Config({"model": copy.deepcopy(model)})
        config.merge_from_dict(dotted)
        if model is not None and (mistakes := find_mistakes(config)):
            raise ConfigError.from_mistakes(mistakes, where="model") from cause_of(mistakes)
    if config.get("model") is None:
        raise ConfigError("The config defines no model.", where=source if isinstance(source, str) else None)
    return config.model


@cache
def _assigns(path: Path, key: str) -> bool:
    """Whether a config, or one it is based on, assigns ``key``; told from its text, without running it."""
    try:
        statements = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
    except (SyntaxError, OSError, ValueError):  # loading it by name gives the full error
        return False
    values: dict[str, ast.expr] = {}
    for node in statements:
        if isinstance(node, ast.Assign):
            values |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    if key in values:
        return True
    bases = ast.literal_eval(values["_base_"]) if "_base_" in values else []
    folders = catalog().config_dirs
    for base in [bases] if isinstance(bases, str) else bases:
        alias, _, rest = base.partition("::")
        if _assigns((folders[alias] / rest if rest else path.parent / base).resolve(), key):
            return True
    return False


def _differences(old: Any, new: Any, where: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            if not any(word in key for word in _WITHOUT_EFFECT):
                yield from _differences(old.get(key), new.get(key), f"{where}.{key}")
    elif (list(old) if isinstance(old, tuple) else old) != (list(new) if isinstance(new, tuple) else new):
        yield f"{where} is {old!r} in the checkpoint and {new!r} in the config"
