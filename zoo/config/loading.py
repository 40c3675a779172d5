"""Find and load configs, apply overrides and settle where the data lies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

from mmengine.config import Config, ConfigDict, DictAction
from mmengine.config.utils import MODULE2PACKAGE

from zoo.config.checking import arguments_of, cause_of, find_mistakes
from zoo.config.ensemble import absent_checkpoints
from zoo.errors import ConfigError, DataError, ZooError, did_you_mean
from zoo.plugins import catalog
from zoo.registry import REGISTRIES

DATA_ROOT_VARIABLE: Final = "ZOO_DATA_ROOT"
LOADERS: Final = ("train_dataloader", "val_dataloader", "test_dataloader")


def find_config(name: str | os.PathLike) -> Path:
    """The config file that ``name`` means: a path, ``alias::file.py``, or the name of a shipped config.

    Raises:
        ConfigError: there is none; the error names the nearest ones.
        PluginError: it belongs to a plugin that failed to load.
    """
    text = os.fspath(name)
    folders = catalog().config_dirs
    if "::" in text:
        alias, _, rest = text.partition("::")
        if alias not in folders:
            catalog().blame(text)
            what = f"No config folder is called {alias!r}.{did_you_mean(alias, folders)}{catalog().suspects()}"
            raise ConfigError(what, where=text, next_step=f"Config folders: {', '.join(sorted(folders))}")
        path = folders[alias] / rest
        if path.is_file():
            return path
    elif Path(text).suffix and Path(text).is_file():
        return Path(text)
    stem = text.rpartition("::")[2].removesuffix(".py")
    shipped = {path.stem: path for folder in folders.values() for path in sorted(folder.glob("*.py"))}
    if stem in shipped and "::" not in text and os.sep not in text:
        return shipped[stem]
    raise ConfigError(
        f"No config {text!r}.{did_you_mean(Path(stem).name, shipped)}",
        where=Path.cwd(),
        next_step="Give a path, alias::file.py, or one of: " + ", ".join(sorted(shipped)),
    )


def load_config(
    name: str | os.PathLike,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    *,
    data_root: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    val_data_root: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    needs_data: bool = False,
) -> Config:
    """Load a config, apply overrides, settle the data root and check everything.

    Args:
        name: what `find_config` takes.
        overrides: ``["train_cfg.max_epochs=3", ...]`` as typed after ``--cfg-options``, or the same as a mapping from
            dotted keys to values.
        data_root: wins over the config's ``data_root`` (a path or a list of them), which wins over the environment
            variable ``ZOO_DATA_ROOT``. It goes into every dataset that takes a ``data_root`` and names none itself.
        val_data_root: wins over the config's ``val_data_root``; where there is one, it goes into those of validation
            in place of ``data_root``.
        needs_data: the caller will read the data, so a root that is missing is an error here and not later, and so is
            an ensemble's checkpoint.

    Raises:
        ConfigError: the file cannot be read, or it holds mistakes; all of them are listed. The cause is the error of
            a plugin that a component fails for, if there is one.
        DataError: ``needs_data`` and a dataset has no existing root.
    """
    path = find_config(name)
    try:
        with _aliases():
            config = Config.fromfile(str(path), lazy_import=False)
    except ZooError:
        raise
    except Exception as error:
        raise ConfigError(f"Cannot read the config: {type(error).__name__}: {error}", where=path) from error
    options = overrides if isinstance(overrides, Mapping) else parse_overrides(overrides)
    mistakes = [] if not options else _override_mistakes(config, options)
    if not mistakes and options:
        config.merge_from_dict(dict(options))
    for key in [key for key in config if key.startswith("_")]:  # variables of the file
        config.pop(key)
    config.setdefault("default_scope", "zoo")
    mistakes += find_mistakes(config)
    if needs_data and isinstance(config.get("ensemble"), Mapping):
        mistakes += absent_checkpoints(config.ensemble)
    if mistakes:
        raise ConfigError.from_mistakes(mistakes, where=path) from cause_of(mistakes)
    settle_data_root(config, data_root, val_data_root, required=needs_data)
    return config


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """``["a.b=1", "c=[x,y]"]`` to ``{"a.b": 1, "c": ["x", "y"]}``."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise ConfigError.from_mistakes([f"{pair!r} is not KEY=VALUE" for pair in wrong], where="--cfg-options")
    split = (pair.split("=", 1) for pair in pairs)
    return {key: DictAction._parse_iterable(value) for key, value in split}


def settle_data_root(
    config: Config,
    data_root: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    val_data_root: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    *,
    required: bool = False,
) -> None:
    """Put the data root into every dataset of ``config`` that takes one and names none; see `load_config`."""
    root = data_root or config.get("data_root") or os.environ.get(DATA_ROOT_VARIABLE)
    if root is not None:
        config.data_root = _plain_root(root)
    if val_root := val_data_root or config.get("val_data_root"):
        config.val_data_root = _plain_root(val_root)
    for key, dataset in _datasets(config):
        if dataset.get("data_root") is None:
            own = config.get("val_data_root") if key.startswith("val_") else None
            dataset["data_root"] = own or config.get("data_root")
        if not required:
            continue
        if dataset["data_root"] is None:
            raise DataError(
                f"No data root: {key} does not know where its data lies.",
                where=key,
                next_step=f"Give --data-root PATH, set data_root in the config, or export {DATA_ROOT_VARIABLE}=PATH. "
                "No corpus at hand? tools/make_replica.py writes a synthetic one.",
            )
        given = dataset["data_root"]
        for path in given if isinstance(given, list | tuple) else [given]:
            if not Path(path).exists():
                raise DataError(
                    f"The data root {path} does not exist.",
                    where=key,
                    next_step=f"Check --data-root, --val-data-root, the config's data_root, or {DATA_ROOT_VARIABLE}; "
                    "tools/preprocess.py, tools/extract_features.py and tools/make_replica.py write data.",
                )


def _plain_root(root: str | os.PathLike | Sequence[str | os.PathLike]) -> str | list[str]:
    """One path, or a list of several."""
    paths = [os.fspath(path) for path in ([root] if isinstance(root, str | os.PathLike) else root)]
    return paths[0] if len(paths) == 1 else paths


def _override_mistakes(config: Config, options: Mapping[str, Any]) -> list[str]:
    """Overrides whose path does not exist in ``config``; the last key of a path may be new, and is checked later."""
    mistakes = []
    for dotted in options:
        *parents, _ = dotted.split(".")
        here: Any = config
        for depth, key in enumerate(parents):
            path = ".".join(parents[: depth + 1])
            if isinstance(here, list | tuple) and key.isdigit() and int(key) < len(here):
                here = here[int(key)]
            elif isinstance(here, Mapping | Config) and key in here and isinstance(here[key], Mapping | list | tuple):
                here = here[key]
            else:
                near = did_you_mean(key, map(str, here)) if isinstance(here, Mapping | Config) else ""
                mistakes.append(f"{dotted}: the config has no {path!r} to override.{near}")
                break
    return mistakes


def _datasets(config: Mapping[str, Any]) -> Iterator[tuple[str, ConfigDict]]:
    """Every dataset config, nested ones included, whose class takes a ``data_root``."""

    def walk(value: Any, where: str) -> Iterator[tuple[str, ConfigDict]]:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from walk(item, f"{where}.{index}")
        elif isinstance(value, Mapping):
            if isinstance(name := value.get("type"), str):
                target = REGISTRIES["dataset"].get(name)
                if target is not None and "data_root" in arguments_of(target)[0]:
                    yield where, value
            for key, item in value.items():
                yield from walk(item, f"{where}.{key}")

    for key in LOADERS:
        yield from walk((config.get(key) or {}).get("dataset"), f"{key}.dataset")


@contextmanager
def _aliases() -> Iterator[None]:
    """Let ``_base_ = ["alias::file.py"]`` name the config folders of zoo and of plugins."""
    plain = Config._get_cfg_path

    def resolve(path: str, filename: str) -> tuple[str, str | None]:
        alias = path.partition("::")[0]
        if "::" in path and (alias in catalog().config_dirs or alias not in MODULE2PACKAGE):
            return str(find_config(path)), None
        return plain(path, filename)

    with mock.patch.object(Config, "_get_cfg_path", staticmethod(resolve)):
        yield
