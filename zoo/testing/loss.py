"""What a loss promises: a finite scalar that trains what it says it reads, for every batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises
from zoo.testing.modules import expect_close, expect_gradients
from zoo.testing.samples import outputs_and_targets


def check_loss(component: str | type, config: Mapping[str, Any] | None = None, *, ranks: bool = True) -> None:
    """The contract of a loss: ``(outputs, targets)`` to a scalar of at least 0, or to named scalars.

    ``outputs`` and ``targets["label"]`` (0 real, 1 fake) are those of `zoo.testing.samples.outputs_and_targets`;
    ``uses`` names the outputs that are read.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.
        ranks: also train a step on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="loss", component=component, config=config or {})
    keep_promises(case, CHECKS, ranks=ranks)


def training_step(module: nn.Module, bare: nn.Module, *, seed: int) -> Tensor:
    """A value to train: ``module`` is ``bare``, maybe wrapped; ``seed`` decides the data."""
    return _total(module(*outputs_and_targets(seed=seed)))


def a_scalar_trains_what_it_uses(case: Case) -> None:
    """The value is a scalar of at least 0 with gradients to all outputs it uses, and to no others."""
    loss = case.make()
    outputs, targets = outputs_and_targets()
    value = _total(loss(outputs, targets))
    expect(value.shape == () and value.isfinite() and value >= 0, f"the value is {value}")
    expect_gradients(loss, value)
    expect(loss.uses, "`uses` is empty")
    got = {name for name, output in outputs.items() if output.grad is not None and output.grad.abs().sum() > 0}
    expect(got == set(loss.uses), f"gradients reach {sorted(got)}, `uses` says {sorted(loss.uses)}")
    expect(all(outputs[name].grad.isfinite().all() for name in got), "a gradient is not finite")  # type: ignore[union-attr]


def reads_only_what_it_says(case: Case) -> None:
    """With the outputs it uses, and masks, alone it gives the same."""
    loss = case.make()
    outputs, targets = outputs_and_targets()
    wanted = {name: x for name, x in outputs.items() if name in loss.uses or name.endswith("_mask")}
    expect_close(_total(loss(wanted, targets)), _total(loss(outputs, targets)), "other outputs matter")


def a_batch_of_one_class_trains_every_parameter(case: Case) -> None:
    """A batch of one class gives a finite value and gradients."""
    for label in (0, 1):
        loss = case.make()
        outputs, targets = outputs_and_targets()
        targets["label"] = torch.full_like(targets["label"], label)
        expect_gradients(loss, _total(loss(outputs, targets)))
        grads = [outputs[name].grad for name in loss.uses]
        expect(all(grad is not None and grad.isfinite().all() for grad in grads), f"not with label {label} alone")


def no_complete_pair_is_no_error(case: Case) -> None:
    """A batch without sound gives a finite value and gradients."""
    loss = case.make()
    outputs, targets = outputs_and_targets()
    outputs["audio_mask"] = torch.zeros_like(outputs["audio_mask"])
    expect_gradients(loss, _total(loss(outputs, targets)))


def order_does_not_matter(case: Case) -> None:
    """The order of the clips does not matter."""
    loss = case.make()
    outputs, targets = outputs_and_targets()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    turned = _total(loss(*({name: x[order] for name, x in given.items()} for given in (outputs, targets))))
    expect_close(turned, _total(loss(outputs, targets)), "the order matters")


def computed_in_float32_under_autocast(case: Case) -> None:
    """Under bfloat16 autocast it computes in float32."""
    loss = case.make()
    outputs, targets = outputs_and_targets()
    rounded = {name: x.to(torch.bfloat16) if x.is_floating_point() else x for name, x in outputs.items()}
    exact = {name: x.float() if x.is_floating_point() else x for name, x in rounded.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = _total(loss(rounded, targets))
    expect_close(value.float(), _total(loss(exact, targets)), "autocast matters", atol=0.02, rtol=0.02)


def _total(value: Tensor | Mapping[str, Tensor]) -> Tensor:
    """The sum of a loss's terms."""
    if isinstance(value, Tensor):
        return value
    expect(value and all("loss" in name for name in value), f"each term's name must contain 'loss': {sorted(value)}")
    return torch.stack(list(value.values())).sum()


CHECKS: Final[tuple[Check, ...]] = (
    a_scalar_trains_what_it_uses,
    reads_only_what_it_says,
    a_batch_of_one_class_trains_every_parameter,
    no_complete_pair_is_no_error,
    order_does_not_matter,
    computed_in_float32_under_autocast,
)
