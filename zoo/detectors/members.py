"""Detectors within a detector: they see the same batch, and what they give is told apart by their names.

An output ``NAME`` of the member ``MEMBER`` is called ``MEMBER.NAME``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from torch import Tensor, nn

from zoo.detectors.base import Detector, Inputs, Outputs

ALWAYS: Final = frozenset({"fake_logit"})


def encode_members(members: nn.ModuleDict, inputs: Inputs, *, wanted: frozenset[str]) -> dict[str, Outputs]:
    """What every member gives of ``inputs``: at least its fake logit and those of its outputs that are ``wanted``."""
    return {
        name: cast(Detector, member).encode(inputs, wanted=ALWAYS | frozenset(_own(name, wanted)))
        for name, member in members.items()
    }


def flat(outputs: Mapping[str, Outputs]) -> Outputs:
    """The outputs of all members by ``MEMBER.NAME``."""
    return {f"{name}.{key}": value for name, own in outputs.items() for key, value in own.items()}


class MemberLosses:
    """Every member's own loss, on the member's own outputs, times the member's weight.

    It is no module: each loss is a part of its member, and is saved and moved with it.

    Args:
        members: name to detector.
        weights: name to factor, at least 0; a member without one weighs 1.
    """

    def __init__(self, members: Mapping[str, Detector], *, weights: Mapping[str, float]):
        self._losses = {name: member.loss for name, member in members.items()}
        self._weights = {name: float(weights.get(name, 1.0)) for name in members}
        self.uses = frozenset(f"{name}.{key}" for name, loss in self._losses.items() for key in loss.uses)

    def __call__(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``{"loss_MEMBER": scalar}``, or ``{"loss_MEMBER_TERM": scalar}`` where the member's loss has terms."""
        losses = {}
        for name, loss in self._losses.items():
            found = loss({key: outputs[f"{name}.{key}"] for key in _own(name, outputs)}, targets)
            terms = found if isinstance(found, Mapping) else {"loss": found}
            for term, value in terms.items():
                losses[f"loss_{name}{term.removeprefix('loss')}"] = self._weights[name] * value
        return losses


def _own(name: str, outputs: Iterable[str]) -> Iterator[str]:
    """The member's names for those ``outputs`` that are its own."""
    prefix = f"{name}."
    return (key.removeprefix(prefix) for key in outputs if key.startswith(prefix))
