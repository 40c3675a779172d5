"""Arguments of every command that reads a corpus: which reader, its arguments, splits where the corpus has none."""

from __future__ import annotations

import argparse
import ast
from typing import Any


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--corpus``, ``--corpus-options``, ``--split-ratio`` and ``--seed``: what `read_corpus` takes."""
    parser.add_argument("--corpus", help="reader of the input (zoo list corpus); recognised if not given")
    parser.add_argument(
        "--corpus-options", nargs="+", action=KeyValues, default={}, metavar="KEY=VALUE", help="its arguments"
    )
    parser.add_argument(
        "--split-ratio",
        type=_split_shares,
        metavar="SHARES",
        help="splits where the corpus has none: 0.8 for train and val, or 0.7,0.15,0.15 for train, val and test",
    )
    parser.add_argument("--seed", type=int, default=0, help="of these splits")


class KeyValues(argparse.Action):
    """``KEY=VALUE ...`` to a dict; values are Python literals, or text where they are none."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        result = {}
        for item in values:
            key, equals, text = item.partition("=")
            if not equals or not key.isidentifier():
                parser.error(f"{option} takes KEY=VALUE, not {item!r}")
            try:
                result[key] = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                result[key] = text
        setattr(namespace, self.dest, result)


def _split_shares(text: str) -> dict[str, float]:
    from zoo.datasets.corpora.reading import split_shares  # imports the registry

    return split_shares(text)


_split_shares.__name__ = "share of train, or train,val,test shares that sum to 1,"  # argparse names the type
