"""Which of two evaluations is better: the figure that decides, and in which direction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from zoo.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class FigureOfMerit:
    """``name`` among the metrics, for example ``video/macro_f1``; ``rule`` is ``greater`` or ``less``."""

    name: str
    rule: str

    def __post_init__(self) -> None:
        if self.rule not in ("greater", "less"):
            raise ConfigError(f"rule must be 'greater' or 'less', not {self.rule!r}.", where=self.name)

    def of(self, metrics: Mapping[str, float]) -> float | None:
        """The figure, or None where it is not finite or there are no metrics at all.

        Raises:
            ConfigError: there are metrics, and none of that name.
        """
        if not metrics:
            return None
        if self.name not in metrics:
            raise ConfigError(
                f"The evaluation gives no {self.name!r}.{did_you_mean(self.name, metrics)}",
                next_step="It gives " + ", ".join(sorted(metrics)) + ".",
            )
        value = metrics[self.name]
        return float(value) if value is not None and math.isfinite(value) else None

    def better(self, value: float, than: float | None, *, by: float = 0.0) -> bool:
        """Whether ``value`` beats ``than`` by more than ``by``; anything beats None."""
        if than is None:
            return True
        return value > than + by if self.rule == "greater" else value < than - by
