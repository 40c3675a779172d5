"""``zoo info NAME``: a component's kind, origin, signature, documentation and the configs that use it, or a plugin."""

from __future__ import annotations

import argparse
import inspect
import re
import traceback
from collections.abc import Sequence

from zoo.plugins import PluginRecord, catalog
from zoo.plugins.manager import load_target


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="zoo info", description=__doc__)
    parser.add_argument("name", help="a component or a plugin, as `zoo list` shows it")
    options = parser.parse_args(argv)
    plugins = [record for record in catalog().plugins if record.scope == options.name]
    if plugins and catalog().find(options.name) is None:
        for record in plugins:
            _print_plugin(record)
        return 0
    item = catalog().require(options.name)
    target = load_target(item.target, name=f"{item.kind} {item.name}")
    print(f"{item.name}: {item.summary}\n")
    print(f"kind       {item.kind}")
    print(f"origin     {item.origin} ({item.target})")
    print(f"configs    {', '.join(configs_that_use(item.name)) or 'none'}\n")
    print(f"{item.name}{_signature(target)}\n")
    print(inspect.getdoc(target) or "(no documentation)")
    return 0


def _print_plugin(record: PluginRecord) -> None:
    """What a plugin brings, or the traceback of its failure."""
    print(f"plugin     {record.scope}\norigin     {record.origin}\nstate      {record.state}\n")
    if record.error is not None:
        print("".join(traceback.format_exception(record.error)), end="")
        return
    for item in record.offer.components.values():
        print(f"{item.kind:<20} {item.name}: {item.summary}")
    for command in record.offer.commands.values():
        print(f"{'command':<20} zoo {command.name}: {command.summary}")
    for alias, folder in record.offer.config_dirs.items():
        print(f"{'configs':<20} {alias}:: in {folder}")


def configs_that_use(name: str) -> list[str]:
    """``alias::file`` of every shipped config that names the component, itself or through its bases."""
    texts = {}
    for alias, folder in catalog().config_dirs.items():
        for path in sorted(folder.rglob("*.py")):
            texts[f"{alias}::{path.relative_to(folder).as_posix()}"] = path.read_text(encoding="utf-8")
    quoted = re.compile(rf"""["']{re.escape(name)}["']""")
    using = {key for key, text in texts.items() if quoted.search(text)}
    while True:  # a config also uses what its bases use
        names = {key.rpartition("/")[2] for key in using}
        more = {
            key
            for key, text in texts.items()
            if key not in using and any(re.search(rf"""[/"':]{re.escape(base)}["']""", text) for base in names)
        }
        if not more:
            return sorted(key for key in using if "::_base_/" not in key)
        using |= more


def _signature(target: object) -> str:
    """The signature, one argument a line when it is long."""
    text = str(inspect.signature(target))  # type: ignore[arg-type]
    if len(text) <= 90:
        return text
    lines = [f"    {parameter}," for parameter in inspect.signature(target).parameters.values()]  # type: ignore[arg-type]
    return "\n".join(["(", *lines, ")"])
