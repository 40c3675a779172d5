"""``zoo list [KIND]``: the components at hand, by kind, and plugins that failed to load."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from zoo.errors import UnknownComponent, did_you_mean
from zoo.plugins import KINDS, catalog


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="zoo list", description=__doc__)
    parser.add_argument("kind", nargs="?", help=f"one of: {', '.join(KINDS)}")
    parser.add_argument("--json", action="store_true", help="print a list of objects for programs")
    options = parser.parse_args(argv)
    if options.kind is not None and options.kind not in KINDS:
        raise UnknownComponent(
            f"No kind of component is called {options.kind!r}.{did_you_mean(options.kind, KINDS)}",
            next_step=f"Kinds: {', '.join(KINDS)}",
        )
    found = catalog()
    rows = [found.components[name] for name in found.names(options.kind)]
    if options.json:
        import json

        keys = ("kind", "name", "summary", "origin", "target")
        print(json.dumps([{key: getattr(item, key) for key in keys} for item in rows], indent=2))
        return 0
    width = max((len(item.name) for item in rows), default=0)
    for kind, meaning in KINDS.items():
        of_kind = [item for item in rows if item.kind == kind]
        if of_kind:
            print(f"{kind}: {meaning}")
            for item in of_kind:
                origin = "" if item.origin == "zoo" else f"  [{item.origin}]"
                print(f"  {item.name:<{width}}  {item.summary}{origin}")
    for record in found.plugins:
        if record.error is not None:
            print(f"FAILED plugin {record.scope} ({record.origin}): {record.reason}")
    return 0
