"""What one plugin offers, taken from its hooks and checked to the last item before any of it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

import pluggy

from zoo.errors import PluginError, did_you_mean
from zoo.plugins import specs
from zoo.plugins.specs import KINDS, ZOO_API, Command, Component, Section

HOOKS: Final = tuple(name for name in vars(specs) if name.startswith("zoo_"))
MOST_ITEMS: Final = 10_000
"""What a hook may return at most: one that never ends is told from one that brings much."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class SectionHook:
    """The ``zoo_report_sections`` of a plugin, called with a run; ``origin`` is the plugin's scope."""

    origin: str
    call: Callable[[object], Any]

    def __call__(self, run: object) -> list[Section]:
        """The sections.

        Raises:
            PluginError: what the hook returned are no sections. Any other error is the hook's own.
        """
        sections = list(_items("zoo_report_sections", self.call(run), Section))
        for section in sections:
            if not (isinstance(section.title, str) and isinstance(section.html, str) and type(section.order) is int):
                raise PluginError(f"A section is a title and HTML as texts and a whole number, not {section!r:.200}.")
        return sections


@dataclass(slots=True)
class Offer:
    """What a plugin brings, each by its name."""

    components: dict[str, Component] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    config_dirs: dict[str, Path] = field(default_factory=dict)
    section_hooks: list[SectionHook] = field(default_factory=list)

    def add(self, other: Offer) -> None:
        """Take in all that ``other`` holds, or nothing.

        Raises:
            PluginError: a component, a command or a config alias of it is here already.
        """
        pairs: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
            ("Component", self.components, other.components),
            ("Command", self.commands, other.commands),
            ("Config alias", self.config_dirs, other.config_dirs),
        )
        for what, mine, theirs in pairs:
            if clash := sorted(mine.keys() & theirs.keys()):
                holder = getattr(mine[clash[0]], "origin", "")
                raise PluginError(f"{what} {clash[0]!r} exists already{f' (from {holder})' if holder else ''}.")
        for _, mine, theirs in pairs:
            mine.update(theirs)
        self.section_hooks += other.section_hooks

    def __str__(self) -> str:
        counts = (
            (len(self.components), "component"),
            (len(self.commands), "command"),
            (len(self.config_dirs), "config folder"),
            (len(self.section_hooks), "report section hook"),
        )
        return ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in counts if count) or "nothing"


def ask(scope: str, plugin: object, offer: Offer) -> None:
    """Ask the hooks of ``plugin`` and put what they bring into ``offer``.

    What was put there before an error stays, so that a name that a config needs can be traced to that error.

    Raises:
        PluginError: the plugin has no hooks, or wrong ones, or they return what they should not.
        pluggy.PluginValidationError: a hook takes arguments that it is not given.
    """
    _check_version(getattr(plugin, "ZOO_API", ZOO_API))
    hooks = _hooks(scope, plugin)
    if (hook := hooks.get("zoo_report_sections")) is not None:
        offer.section_hooks.append(SectionHook(scope, hook))
    for component in _returned(hooks, "zoo_components", Component):
        _check_component(component)
        _put(offer.components, component.name, replace(component, origin=scope), "component")
    for command in _returned(hooks, "zoo_commands", Command):
        _check_command(command)
        _put(offer.commands, command.name, replace(command, origin=scope), "command")
    if (hook := hooks.get("zoo_config_dirs")) is not None:
        folders = hook()
        if not isinstance(folders, Mapping):
            raise PluginError(f"zoo_config_dirs() must return a mapping of alias to folder, not {_type(folders)}.")
        for alias, folder in folders.items():
            _put(offer.config_dirs, alias, _config_dir(alias, folder), "config alias")


def _check_version(wanted: object) -> None:
    have = ".".join(map(str, ZOO_API))
    if not (isinstance(wanted, tuple) and len(wanted) == 2 and all(type(number) is int for number in wanted)):
        raise PluginError(f"ZOO_API must be two whole numbers, such as {ZOO_API}, not {wanted!r}.")
    if wanted[0] != ZOO_API[0] or wanted[1] > ZOO_API[1]:
        raise PluginError(f"The plugin asks for hook API {wanted[0]}.{wanted[1]}; this zoo has {have}.")


def _hooks(scope: str, plugin: object) -> dict[str, Callable]:
    """The plugin's implementations by hook; each takes what its specification has."""
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(specs)
    manager.register(plugin, name=scope)
    found: dict[str, Callable] = {}
    for hook in HOOKS:
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            found[hook] = _called_by_position(implementation)
    for name in dir(plugin):
        value = getattr(plugin, name, None)
        if not name.startswith("zoo_") or isinstance(value, ModuleType) or not callable(value):
            continue
        if name not in HOOKS:
            raise PluginError(f"{name!r} is no hook.{did_you_mean(name, HOOKS)}")
        if name not in found:
            raise PluginError(f"{name} is not marked as a hook; write @zoo.plugins.hookimpl above it.")
    manager.check_pending()
    if not found:
        raise PluginError(f"The plugin has no hooks; there are {', '.join(HOOKS)}, marked by @zoo.plugins.hookimpl.")
    return found


def _called_by_position(implementation: Any) -> Callable:
    """A hook may leave out arguments that it has no use for."""
    return lambda *arguments: implementation.function(*arguments[: len(implementation.argnames)])


def _returned(hooks: Mapping[str, Callable], hook: str, kind: type[_Item]) -> Iterator[_Item]:
    return _items(hook, hooks[hook](), kind) if hook in hooks else iter(())


def _items(hook: str, value: Any, kind: type[_Item]) -> Iterator[_Item]:
    expected = f"{hook}() must return {kind.__name__} objects"
    if value is None:
        raise PluginError(f"{expected}, not None; a list without any is [].")
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise PluginError(f"{expected}, not {_type(value)}.")
    for count, item in enumerate(islice(value, MOST_ITEMS + 1)):
        if not isinstance(item, kind):
            raise PluginError(f"{expected}, not {_type(item)}.")
        if count == MOST_ITEMS:
            raise PluginError(f"{hook}() does not end: it has returned {MOST_ITEMS} items.")
        yield item


def _check_component(item: Component) -> None:
    _check_texts(item, "kind", "name", "target", "summary")
    if not item.name.isidentifier():
        raise PluginError(f"Component {item.name!r} must be named like a class: letters, digits and underscores.")
    if item.kind not in KINDS:
        raise PluginError(f"Component {item.name!r} has unknown kind {item.kind!r}.{did_you_mean(item.kind, KINDS)}")
    _check_target(item.target, f"component {item.name!r}")


def _check_command(item: Command) -> None:
    _check_texts(item, "name", "target", "summary")
    if not item.name.replace("-", "_").isidentifier() or item.name.startswith("-"):
        raise PluginError(f"Command {item.name!r} must consist of letters, digits and hyphens.")
    _check_target(item.target, f"command {item.name!r}")


def _check_texts(item: Component | Command, *fields: str) -> None:
    for name in fields:
        value = getattr(item, name)
        if not isinstance(value, str) or "\n" in value:
            raise PluginError(f"The {name} of {type(item).__name__} {item.name!r} must be one line, not {value!r}.")


def _check_target(target: str, owner: str) -> None:
    module, _, attribute = target.partition(":")
    if not (module and attribute):
        raise PluginError(f"Target {target!r} of {owner} is not 'package.module:Class'.")


def _config_dir(alias: object, folder: object) -> Path:
    if not isinstance(alias, str) or not alias.replace("-", "_").isidentifier():
        raise PluginError(f"Config alias {alias!r} must consist of letters, digits and hyphens.")
    if not isinstance(folder, str | Path):
        raise PluginError(f"The folder of config alias {alias!r} must be a path, not {_type(folder)}.")
    path = Path(folder)
    if not path.is_absolute():
        raise PluginError(f"The folder {path} of config alias {alias!r} must be absolute: build it from __file__.")
    if not path.is_dir():
        raise PluginError(f"The folder {path} of config alias {alias!r} does not exist. Does the package contain it?")
    return path


def _put(taken: dict[str, Any], name: str, item: object, what: str) -> None:
    if name in taken:
        raise PluginError(f"The plugin names {what} {name!r} twice.")
    taken[name] = item


def _type(value: object) -> str:
    return type(value).__name__
