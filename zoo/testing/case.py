"""What a check runs on: a component with its arguments; and how it says that a promise is broken."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch

from zoo.registry import REGISTRIES, build


class ContractBroken(AssertionError):
    """A component does not keep a promise of its kind."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A component and the arguments to build it with.

    Attributes:
        kind: one of ``zoo.plugins.KINDS``.
        component: a registered name, or a class.
        config: the arguments, in plain values; parts as configs with ``type``.
    """

    kind: str
    component: str | type
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.component if isinstance(self.component, str) else self.component.__name__

    @property
    def target(self) -> Any:
        """The class or function itself.

        Raises:
            ContractBroken: no component of this kind has the name.
            PluginError: it cannot be imported.
        """
        found = REGISTRIES[self.kind].get(self.component) if isinstance(self.component, str) else self.component
        expect(found is not None, f"no {self.kind} is called {self.name!r}")
        return found

    def make(self, **changes: Any) -> Any:
        """A new instance, built as a config builds it, from the same random state every time."""
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        return build(self.kind, {"type": self.component, **self.config, **changes})

    def with_config(self, **changes: Any) -> Case:
        return replace(self, config={**self.config, **changes})

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


Check: TypeAlias = Callable[[Case], None]


def expect(condition: object, message: str) -> None:
    """Raise `ContractBroken` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ContractBroken(message)


def run_checks(case: Case, checks: Iterable[Check]) -> None:
    """Run ``checks`` on ``case``.

    Raises:
        ContractBroken: the first that fails; it names the component and the promise.
    """
    for check in checks:
        try:
            check(case)
        except AssertionError as error:
            promise = (check.__doc__ or check.__name__).splitlines()[0].rstrip(".")
            raise ContractBroken(f"{case} breaks a promise ({promise}): {error}") from error
