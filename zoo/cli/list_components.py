"""``zoo list [KIND]``: the components at hand, by kind, and the plugins: what each brings, or why it failed to load."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from zoo.errors import UnknownComponent, did_you_mean
from zoo.plugins import KINDS, Component, PluginRecord, catalog


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="zoo list", description=__doc__)
    parser.add_argument("kind", nargs="?", help=f"one of: {', '.join(KINDS)}")
    parser.add_argument("--plugins", action="store_true", help="list the plugins only")
    parser.add_argument("--json", action="store_true", help="print a list of objects for programs")
    options = parser.parse_args(argv)
    if options.kind is not None and options.kind not in KINDS:
        raise UnknownComponent(
            f"No kind of component is called {options.kind!r}.{did_you_mean(options.kind, KINDS)}",
            next_step=f"Kinds: {', '.join(KINDS)}",
        )
    found = catalog()
    plugins = found.plugins[1:]  # the first is zoo itself
    items = [found.components[name] for name in found.names(options.kind)]
    if options.json:
        rows = [_plugin(record) for record in plugins] if options.plugins else [_component(item) for item in items]
        print(json.dumps(rows, indent=2))
        return 0
    if not options.plugins:
        _print_components(items)
    for record in plugins:
        if options.plugins or options.kind is None or record.error is not None:
            print(_line(record))
    if options.plugins and not plugins:
        print("No plugins are installed.")
    return 0


def _print_components(items: Sequence[Component]) -> None:
    width = max((len(item.name) for item in items), default=0)
    for kind, meaning in KINDS.items():
        of_kind = [item for item in items if item.kind == kind]
        if of_kind:
            print(f"{kind}: {meaning}")
            for item in of_kind:
                origin = "" if item.origin == "zoo" else f"  [{item.origin}]"
                print(f"  {item.name:<{width}}  {item.summary}{origin}")


def _line(record: PluginRecord) -> str:
    if record.error is not None:
        return f"FAILED plugin {record.scope} ({record.origin}): {record.reason} (zoo info {record.scope})"
    brings = "disabled by ZOO_DISABLE_PLUGINS" if record.disabled else str(record.offer)
    return f"plugin {record.scope} ({record.origin}): {brings}"


def _component(item: Component) -> dict[str, str]:
    return {key: getattr(item, key) for key in ("kind", "name", "summary", "origin", "target")}


def _plugin(record: PluginRecord) -> dict[str, object]:
    row: dict[str, object] = {key: getattr(record, key) for key in ("scope", "origin", "state", "reason")}
    if record.state == "ok":
        row["components"] = sorted(record.offer.components)
        row["commands"] = sorted(record.offer.commands)
        row["config_dirs"] = {alias: str(folder) for alias, folder in record.offer.config_dirs.items()}
    return row
