"""Finds plugins, keeps the broken ones away from the host, and holds the catalogue of what all of them offer."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import Distribution, distributions, entry_points
from typing import Any, Final

from zoo.errors import PluginError, UnknownComponent, did_you_mean
from zoo.plugins import builtin
from zoo.plugins.apart import LOAD_TIMEOUT_S, LOAD_VARIABLE, call_apart, time_limit
from zoo.plugins.offers import Offer, ask
from zoo.plugins.specs import Component

GROUP: Final = "zoo.plugins"
DISABLE_VARIABLE: Final = "ZOO_DISABLE_PLUGINS"
STRICT_VARIABLE: Final = "ZOO_STRICT_PLUGINS"
RESERVED: Final = frozenset({"zoo", "mmengine"})
"""Scopes that no plugin can have: `zoo` is the core's, and `mmengine::` names configs of that package."""

_loading = threading.local()


@dataclass(slots=True)
class PluginRecord:
    """A plugin that was found: its scope, where it comes from, what it offers, and why it failed if it did."""

    scope: str
    origin: str
    offer: Offer = field(default_factory=Offer)
    error: BaseException | None = None
    disabled: bool = False

    @property
    def state(self) -> str:
        """``ok``, ``FAILED`` or ``disabled``."""
        return "FAILED" if self.error is not None else "disabled" if self.disabled else "ok"

    @property
    def reason(self) -> str | None:
        """The failure in one line; None for a plugin that works."""
        return None if self.error is None else in_one_line(self.error)


@dataclass(slots=True)
class Catalog(Offer):
    """Everything that configs and the command line can name."""

    plugins: list[PluginRecord] = field(default_factory=list)

    @property
    def broken(self) -> list[PluginRecord]:
        """The plugins that failed to load."""
        return [record for record in self.plugins if record.error is not None]

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
        self.blame(name, where=where)
        raise UnknownComponent(
            f"No {kind or 'component'} named {name!r}.{did_you_mean(name, self.names(kind))}{self.suspects()}",
            where=where,
            next_step=f"Run: zoo list {kind or ''}".rstrip(),
        )

    def blame(self, name: str, *, where: object = None) -> None:
        """Raise if ``name``, which is not to be had, is known to come from a plugin that failed or is disabled.

        Args:
            name: of a component (``scope.Name``, or ``Name`` if the plugin got as far as to tell it) or of a command,
                or the alias of a config folder (a scope or ``alias::file.py``).

        Raises:
            PluginError: it does; the cause is the plugin's own error, with its traceback.
        """
        alias, _, file = name.partition("::")
        scope, _, plain = alias.rpartition(".")
        for record in self.plugins:
            told = record.offer
            known = {record.scope, *told.components, *told.commands, *told.config_dirs}
            if record.state == "ok" or not (scope == record.scope or (not scope and plain in known)):
                continue
            noun = "Config" if file else "Component" if scope or plain in told.components else "Name"
            what = f"{noun} {name!r} belongs to plugin {record.scope!r}"
            if record.disabled:
                raise PluginError(
                    f"{what}, which {DISABLE_VARIABLE} leaves out.",
                    where=where or record.origin,
                    next_step=f"Take {record.scope!r} out of {DISABLE_VARIABLE}.",
                )
            raise PluginError(
                f"{what}, which failed to load: {record.reason}",
                where=where or record.origin,
                next_step=f"Repair or update {record.origin}; the original error is shown above.",
            ) from record.error

    def suspects(self) -> str:
        """A sentence about the plugins that failed, from which an unknown name may come; empty without any."""
        names = "; ".join(f"{record.scope} ({record.reason})" for record in self.broken)
        return f" It may come from plugins that failed to load: {names}." if names else ""


@cache
def catalog() -> Catalog:
    """The catalogue of this process; plugins are discovered on the first call.

    A plugin that fails, or that has not answered in `LOAD_TIMEOUT_S` seconds, is left out, and its record tells why.
    ``ZOO_PLUGIN_TIMEOUT_S`` is another number of seconds, 0 for no limit. ``ZOO_DISABLE_PLUGINS=a,b`` (or ``all``)
    leaves plugins out; ``ZOO_STRICT_PLUGINS=1`` makes a broken one an error.

    Raises:
        PluginError: a plugin failed in strict mode, or asks for the catalogue while it is being loaded for it.
    """
    if getattr(_loading, "scope", None) is not None:
        raise PluginError(
            f"Plugin {_loading.scope!r} asks for the catalogue while it is loaded, when there is none yet.",
            next_step="Ask inside the functions and classes of the plugin, not while it is imported.",
        )
    result = Catalog()
    _load(result, PluginRecord("zoo", "zoo"), lambda: builtin, limit_s=None)
    limit_s = time_limit(LOAD_VARIABLE, LOAD_TIMEOUT_S)
    disabled = {name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",")}
    for record, load in _found():
        record.disabled = not disabled.isdisjoint({"all", record.scope})
        if record.disabled:
            result.plugins.append(record)
        else:
            _load(result, record, load, limit_s=limit_s)
    return result


def _load(result: Catalog, record: PluginRecord, load: Callable[[], object], *, limit_s: float | None) -> None:
    """Load one plugin and take what it offers into ``result``, all or nothing; its record is kept either way."""

    def work() -> None:
        taken = {other.scope for other in result.plugins}
        if record.scope in (taken | RESERVED if taken else taken):
            raise PluginError(f"The scope {record.scope!r} is taken; the entry point needs another name.")
        _loading.scope = record.scope
        try:
            ask(record.scope, load(), record.offer)
        finally:
            _loading.scope = None

    _, record.error = call_apart(work, limit_s=limit_s, name=f"Plugin {record.scope!r}", variable=LOAD_VARIABLE)
    try:
        if record.error is None:
            result.add(record.offer)
    except PluginError as error:
        record.error = error
    if record.error is not None and (not result.plugins or os.environ.get(STRICT_VARIABLE) == "1"):
        raise PluginError(
            f"Plugin {record.scope!r} failed to load: {record.reason}",
            where=record.origin,
            next_step=f"Repair it, or leave it out: {DISABLE_VARIABLE}={record.scope}",
        ) from record.error
    result.plugins.append(record)


def _found() -> Iterator[tuple[PluginRecord, Callable[[], object]]]:
    """A record, and what loads the plugin, for every entry point of the group, in the order of their names."""
    try:
        points = list(entry_points(group=GROUP))
    except Exception:  # one damaged file among those of all that is installed
        points = []
        for distribution in distributions():
            try:
                points += distribution.entry_points.select(group=GROUP)
            except Exception as error:
                if GROUP in (distribution.read_text("entry_points.txt") or ""):
                    yield PluginRecord(str(distribution.name), _origin(distribution)), partial(_raise, error)
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        yield PluginRecord(point.name, _origin(point.dist) if point.dist else point.value), point.load


def _origin(distribution: Distribution) -> str:
    return f"{distribution.name} {distribution.version}"


def _raise(error: BaseException) -> None:
    raise error


def load_target(target: str, *, name: str | None = None) -> Any:
    """Import what ``package.module:attribute`` points at.

    Raises:
        PluginError: it cannot be imported; the original error is the cause.
    """
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"Cannot load {name or target}: {type(error).__name__}: {error}",
            where=target,
            next_step="The original error is shown above; `zoo doctor` names missing packages.",
        ) from error


def in_one_line(error: BaseException) -> str:
    """Type and text of ``error``, or only the text of one that is made for users."""
    try:
        text = error.what if isinstance(error, PluginError) else str(error)
    except Exception:
        text = "(its text cannot be had)"
    text = " ".join(text.split())
    name = "" if isinstance(error, PluginError) else type(error).__name__
    return ": ".join(filter(None, (name, text)))
