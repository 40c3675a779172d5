"""What every component promises, whatever its kind: it is documented and can be named in a config."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from unittest import mock

from zoo.config.checking import component_mistakes
from zoo.plugins import KINDS, catalog
from zoo.testing.case import Case, Check, expect, run_checks
from zoo.testing.ranks import check_ranks

_CALLED_BY_POSITION: Final = frozenset({"collate", "loop", "model_wrapper", "replica"})


def check_component(kind: str, component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """What holds for a component of any kind: documentation, signature, and the way from a config to an instance.

    Args:
        kind: one of ``zoo.plugins.KINDS``.
        component: a registered name, or a class.
        config: arguments in plain values.

    Raises:
        ContractBroken: it breaks a promise.
    """
    keep_promises(Case(kind=kind, component=component, config=config or {}))


def keep_promises(case: Case, checks: Iterable[Check] = (), *, ranks: bool = False) -> None:
    """Run what holds for a component of any kind, then the ``checks`` of its own kind.

    Args:
        case: the component.
        checks: of its kind.
        ranks: also train a step on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: it breaks a promise.
    """
    run_checks(case, (*STATIC_CHECKS, *CHECKS, *checks))
    if ranks:
        check_ranks(case)


def is_registered_and_documented(case: Case) -> None:
    """It has a kind, a summary of one line, and a docstring."""
    expect(case.kind in KINDS, f"{case.kind!r} is no kind; see `zoo list --help`")
    target = case.target
    expect(callable(target), f"the target {target!r} cannot be called")
    expect((vars(target).get("__doc__") or "").strip(), "the docstring is missing; `zoo info` shows it")
    if isinstance(case.component, str) and (item := catalog().find(case.component, case.kind)) is not None:
        expect(item.summary.strip() and "\n" not in item.summary, "the summary must be one line")


def arguments_are_keywords(case: Case) -> None:
    """Arguments are keyword-only (but for a ``data_root``), since configs give them by name."""
    if case.kind in _CALLED_BY_POSITION or not inspect.isclass(case.target):
        return
    loose = [
        parameter.name
        for parameter in inspect.signature(case.target).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name != "data_root"
    ]
    expect(not loose, f"put * before {', '.join(loose)} in the signature of the constructor")


def mistakes_in_its_config_are_found(case: Case) -> None:
    """A misspelled argument is reported before anything is built."""
    if not isinstance(case.component, str):
        return
    config = {"type": case.component, **case.config}
    expect(not (found := component_mistakes(config, case.kind)), f"its own config is refused: {'; '.join(found)}")
    wrong = component_mistakes({**config, "no_such_argument": 1}, case.kind)
    expect(wrong, "an unknown argument passes unnoticed: name the arguments in place of **kwargs")


def is_built_from_plain_values(case: Case) -> None:
    """A config of plain values, written as JSON and read again, builds it; nothing is fetched meanwhile."""
    text = json.dumps(dict(case.config), sort_keys=True)
    again = Case(kind=case.kind, component=case.component, config=json.loads(text))
    with mock.patch("zoo.assets._fetch", side_effect=AssertionError("the constructor fetches a file")):
        first, second = case.make(), again.make()
    expect(type(first) is type(second), f"one is a {type(first).__name__}, the other a {type(second).__name__}")
    expect(json.dumps(dict(case.config), sort_keys=True) == text, "building it changes the config")


STATIC_CHECKS: Final[tuple[Check, ...]] = (
    is_registered_and_documented,
    arguments_are_keywords,
    mistakes_in_its_config_are_found,
)
"""Those that build nothing."""

CHECKS: Final[tuple[Check, ...]] = (is_built_from_plain_values,)
"""Those that build it from its config."""
