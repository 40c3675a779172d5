"""Finds plugins, keeps the broken ones away from the host, and holds the catalogue of what all of them offer."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from zoo.errors import PluginError, UnknownComponent, did_you_mean
from zoo.plugins import builtin, specs
from zoo.plugins.specs import KINDS, ZOO_API, Command, Component

GROUP = "zoo.plugins"
_HOOKS = frozenset(name for name in vars(specs) if name.startswith("zoo_"))


@dataclass(slots=True)
class PluginRecord:
    """A plugin that was found: its scope, where it comes from, and why it failed if it did."""

    scope: str
    origin: str
    error: BaseException | None = None

    @property
    def reason(self) -> str | None:
        """The failure in one line; None for a plugin that works."""
        return None if self.error is None else traceback.format_exception_only(self.error)[-1].strip()


@dataclass(slots=True)
class Catalog:
    """Everything that configs and the command line can name."""

    plugins: list[PluginRecord] = field(default_factory=list)
    components: dict[str, Component] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    config_dirs: dict[str, Path] = field(default_factory=dict)
    section_hooks: list[Callable] = field(default_factory=list)

    def names(self, kind: str | None = None) -> list[str]:
        """Names of the components of ``kind`` (of all kinds if None), sorted."""
        return sorted(name for name, item in self.components.items() if kind in (None, item.kind))

    def find(self, name: str, kind: str | None = None) -> Component | None:
        """The component called ``name`` or ``scope.name``, if there is one and it is of ``kind``."""
        scope, _, plain = name.rpartition(".")
        item = self.components.get(plain)
        if item is None or kind not in (None, item.kind) or scope not in ("", item.origin):
            return None
        return item

    def require(self, name: str, kind: str | None = None, *, where: object = None) -> Component:
        """Like `find`.

        Raises:
            UnknownComponent: there is none; the error names the nearest ones.
            PluginError: the plugin that should bring it failed to load; its own error is the cause.
        """
        if (item := self.find(name, kind)) is not None:
            return item
        broken = [record for record in self.plugins if record.error is not None]
        for record in broken:
            if name.startswith(f"{record.scope}."):
                raise PluginError(
                    f"Component {name!r} belongs to plugin {record.scope!r}, which failed to load: {record.reason}.",
                    where=where or record.origin,
                    next_step=f"Repair or update {record.origin}; the original error is shown above.",
                ) from record.error
        what = f"No {kind or 'component'} named {name!r}.{did_you_mean(name, self.names(kind))}"
        if broken:
            what += " Plugins that failed to load: " + "; ".join(f"{r.scope} ({r.reason})" for r in broken) + "."
        raise UnknownComponent(what, where=where, next_step=f"Run: zoo list {kind or ''}".rstrip())

    def _add(self, scope: str, plugin: object, manager: pluggy.PluginManager) -> None:
        """Check all that ``plugin`` returns, then take it; on any fault nothing of it is taken."""
        others = [other for other in manager.get_plugins() if other is not plugin]

        def returned(hook: str) -> list:
            return manager.subset_hook_caller(hook, others)()

        components: dict[str, Component] = {}
        for item in chain.from_iterable(returned("zoo_components")):
            _check_component(item)
            taken = self.components.get(item.name) or components.get(item.name)
            if taken is not None:
                raise PluginError(f"Component {item.name!r} exists already (from {taken.origin or scope}).")
            components[item.name] = Component(item.kind, item.name, item.target, item.summary, origin=scope)
        commands = {item.name: item for item in chain.from_iterable(returned("zoo_commands"))}
        if clash := sorted(commands.keys() & self.commands.keys()):
            raise PluginError(f"Command {clash[0]!r} exists already.")
        config_dirs: dict[str, Path] = {}
        for mapping in returned("zoo_config_dirs"):
            config_dirs |= {alias: Path(folder) for alias, folder in mapping.items()}
        if clash := sorted(config_dirs.keys() & self.config_dirs.keys()):
            raise PluginError(f"Config alias {clash[0]!r} exists already.")
        self.components |= components
        self.commands |= commands
        self.config_dirs |= config_dirs
        if hasattr(plugin, "zoo_report_sections"):
            self.section_hooks.append(plugin.zoo_report_sections)


@cache
def catalog() -> Catalog:
    """The catalogue of this process; plugins are discovered on the first call.

    ``ZOO_DISABLE_PLUGINS=a,b`` (or ``all``) leaves plugins out; ``ZOO_STRICT_PLUGINS=1`` makes a broken one an error.
    """
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(specs)
    result = Catalog()
    disabled = set(filter(None, os.environ.get("ZOO_DISABLE_PLUGINS", "").split(",")))
    candidates: list[tuple[str, str, Callable[[], object]]] = [("zoo", "zoo", lambda: builtin)]
    if "all" not in disabled:
        found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
        candidates += [(point.name, _origin(point), point.load) for point in found if point.name not in disabled]
    for scope, origin, load in candidates:
        record = PluginRecord(scope, origin)
        try:
            plugin = load()
            _check_plugin(plugin)
            manager.register(plugin, name=scope)
            result._add(scope, plugin, manager)
        except (Exception, SystemExit) as error:
            if scope == "zoo" or os.environ.get("ZOO_STRICT_PLUGINS") == "1":
                raise
            record.error = error
            if manager.has_plugin(scope):
                manager.unregister(name=scope)
        result.plugins.append(record)
    return result


def load_target(target: str, *, name: str | None = None) -> Any:
    """Import what ``package.module:attribute`` points at.

    Raises:
        PluginError: it cannot be imported; the original error is the cause.
    """
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:
        raise PluginError(
            f"Cannot load {name or target}: {type(error).__name__}: {error}",
            where=target,
            next_step="The original error is shown above; `zoo doctor` names missing packages.",
        ) from error


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _check_plugin(plugin: object) -> None:
    wanted = getattr(plugin, "ZOO_API", ZOO_API)
    if wanted[0] != ZOO_API[0] or wanted[1] > ZOO_API[1]:
        have = ".".join(map(str, ZOO_API))
        raise PluginError(f"The plugin asks for hook API {'.'.join(map(str, wanted))}; this zoo has {have}.")
    for name in dir(plugin):
        value = getattr(plugin, name)
        if name.startswith("zoo_") and name not in _HOOKS and not isinstance(value, ModuleType):
            raise PluginError(f"{name!r} is no hook.{did_you_mean(name, _HOOKS)}")


def _check_component(item: object) -> None:
    if not isinstance(item, Component):
        raise PluginError(f"zoo_components() must return Component objects, not {type(item).__name__}.")
    if item.kind not in KINDS:
        raise PluginError(f"Component {item.name!r} has unknown kind {item.kind!r}.{did_you_mean(item.kind, KINDS)}")
    if ":" not in item.target:
        raise PluginError(f"Target {item.target!r} of component {item.name!r} is not 'package.module:Class'.")
