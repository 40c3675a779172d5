"""The registries: one a kind of component, filled on demand from the catalogue of plugins.

mmengine finds this module by its name. A component's target is imported when it is first asked for, so listing
components costs nothing and one broken class leaves its siblings usable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mmengine import registry as roots
from mmengine.registry import Registry

from zoo.errors import ConfigError, PluginError
from zoo.plugins import KINDS, catalog
from zoo.plugins.manager import load_target

SCOPE: Final = "zoo"

_PARENTS: Final[Mapping[str, Registry]] = {
    "detector": roots.MODELS,
    "dataset": roots.DATASETS,
    "sampler": roots.DATA_SAMPLERS,
    "transform": roots.TRANSFORMS,
    "metric": roots.METRICS,
    "hook": roots.HOOKS,
    "loop": roots.LOOPS,
    "optim_wrapper": roots.OPTIM_WRAPPERS,
    "model_wrapper": roots.MODEL_WRAPPERS,
    "collate": roots.FUNCTIONS,
    "visualizer": roots.VISBACKENDS,
}


class LazyRegistry(Registry):
    """A registry whose entries are imported when they are first asked for."""

    def get(self, key: str) -> Any:
        """The class or function called ``key`` (or ``scope.key``), from zoo, a plugin or mmengine; None if unknown.

        Raises:
            PluginError: it cannot be imported, or its plugin failed to load; the original error is the cause.
        """
        if not isinstance(key, str):
            return key
        item = catalog().find(key, self.name)
        if item is None:
            if (found := super().get(key)) is None:
                catalog().blame(key)
            return found
        if item.name not in self._module_dict:
            target = load_target(item.target, name=f"{item.kind} {item.name}")
            if not callable(target):
                raise PluginError(f"{item.kind} {item.name} is no class or function but {target!r}.", where=item.target)
            self._module_dict[item.name] = target
        return self._module_dict[item.name]


REGISTRIES: Final[Mapping[str, LazyRegistry]] = {
    kind: LazyRegistry(kind, parent=_PARENTS.get(kind), scope=SCOPE) for kind in KINDS
}


def build(kind: str, config: Any, **defaults: Any) -> Any:
    """Build the component that ``config`` describes, and first the components it is made of.

    Args:
        kind: one of ``zoo.plugins.KINDS``.
        config: a mapping with ``type`` and the arguments; every argument that is itself such a mapping (or a list
            or a mapping of them) of a known component is built before and passed as an object. Anything else is
            returned unchanged, so that ready objects can be given in place of configs.
        **defaults: arguments for the case that ``config`` does not hold them, passed as they are.

    Raises:
        UnknownComponent: ``type`` names nothing of this kind.
        ConfigError: the constructor refuses the arguments.
    """
    if not isinstance(config, Mapping):
        return config
    arguments = dict(config)
    name = arguments.pop("type", None)
    if name is None:
        raise ConfigError(
            f"A {kind} needs a 'type'; it has only {sorted(arguments)}.", next_step=f"Run: zoo list {kind}"
        )
    target = REGISTRIES[kind].get(name) if isinstance(name, str) else name
    if target is None:
        catalog().require(name, kind)
    return target(**defaults | {key: _build_nested(value) for key, value in arguments.items()})


def _build_nested(value: Any) -> Any:
    if isinstance(value, Mapping):
        name = value.get("type")
        item = catalog().find(name) if isinstance(name, str) else None
        if item is not None:
            return build(item.kind, value)
        return {key: _build_nested(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_build_nested(item) for item in value)
    return value
