"""A whole plugin: it is found, nothing of it is broken, and all that can be checked without its author is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from zoo.config import load_config
from zoo.plugins import Component, catalog
from zoo.plugins.manager import load_target
from zoo.testing import component as any_component
from zoo.testing.backbone import check_backbone
from zoo.testing.case import Case, ContractBroken, expect, run_checks
from zoo.testing.command import check_command
from zoo.testing.component import check_component
from zoo.testing.detector import check_detector
from zoo.testing.face_detector import check_face_detector
from zoo.testing.frequency_transform import check_frequency_transform
from zoo.testing.fusion import check_fusion
from zoo.testing.head import check_head
from zoo.testing.loss import check_loss
from zoo.testing.metric import check_metric
from zoo.testing.mixer import check_mixer
from zoo.testing.ranks import TRAINED_KINDS, check_ranks
from zoo.testing.report_section import check_report_section

_CHECKS: Final[Mapping[str, Callable[..., None]]] = {
    "backbone": check_backbone,
    "detector": check_detector,
    "face_detector": check_face_detector,
    "frequency_transform": check_frequency_transform,
    "fusion": check_fusion,
    "head": check_head,
    "loss": check_loss,
    "metric": check_metric,
    "mixer": check_mixer,
}
"""Kinds that are checked with arguments alone. A corpus needs a tree (`check_corpus`), a dataset data."""


def check_plugin(scope: str, *, configs: Mapping[str, Mapping[str, Any]] | None = None, ranks: bool = True) -> None:
    """The contract of an installed plugin.

    It is found and not failed; every component's target can be imported and is documented; every component that needs
    no arguments, or has some in ``configs``, keeps the promises of its kind; commands explain themselves; sections of
    the report stand alone; configs load.

    Args:
        scope: the name of its entry point in the group ``zoo.plugins``.
        configs: arguments, in plain values, of components by name.
        ranks: also train a step of all its modules on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: a promise is broken.
        PluginError: a target cannot be imported; the original error is the cause.
        MissingDependency: a component needs a package or weights that are absent.
    """
    configs = configs or {}
    found = catalog()
    record = next((record for record in found.plugins if record.scope == scope), None)
    if record is None:
        known = ", ".join(record.scope for record in found.plugins)
        raise ContractBroken(f"no plugin has the scope {scope!r}; there are: {known}. Is it installed?")
    if record.error is not None:
        raise ContractBroken(f"plugin {scope} ({record.origin}) failed to load: {record.reason}") from record.error
    own = list(record.offer.components.values())
    unknown = sorted(configs.keys() - {item.name for item in own})
    expect(not unknown, f"configs: {scope} has no component called {', '.join(unknown)}")
    trained = [case for item in own if (case := _check_one(item, configs)) is not None]
    if ranks and trained:
        check_ranks(*trained)
    for name in record.offer.commands:
        check_command(name)
    for hook in record.offer.section_hooks:
        check_report_section(hook)
    for alias, folder in record.offer.config_dirs.items():
        for path in sorted(folder.glob("*.py")):
            load_config(f"{alias}::{path.name}")


def _check_one(item: Component, configs: Mapping[str, Mapping[str, Any]]) -> Case | None:
    """Check a component; returns it if it is a module that can be trained."""
    target = load_target(item.target, name=f"{item.kind} {item.name}")
    case = Case(kind=item.kind, component=item.name, config=configs.get(item.name, {}))
    run_checks(case, (any_component.is_registered_and_documented, any_component.arguments_are_keywords))
    if item.name not in configs and _needs_arguments(target):
        return None
    check = _CHECKS.get(item.kind)
    if check is None:
        check_component(item.kind, item.name, case.config)
    elif item.kind in TRAINED_KINDS:
        options = {"ranks": False} if "ranks" in inspect.signature(check).parameters else {}
        check(item.name, case.config, **options)
        return case
    else:
        check(item.name, case.config)
    return None


def _needs_arguments(target: Any) -> bool:
    return any(
        parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        for parameter in inspect.signature(target).parameters.values()
    )
