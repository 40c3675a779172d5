"""Checks that all kinds of ``torch.nn.Module`` have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zoo.testing.case import Case, expect

Run = Callable[[nn.Module], Any]
"""Calls a module with a fixed input; returns its main output."""


def without_gradient(module: nn.Module) -> list[str]:
    """Names of trained parameters that got no gradient, or one that is not finite."""
    return [
        name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.isfinite().all())
    ]


def expect_gradients(module: nn.Module, loss: Tensor) -> None:
    """After the backward pass of ``loss`` every parameter that is trained has a finite gradient."""
    expect(loss.ndim == 0 and loss.isfinite(), f"the value to be trained is {loss}")
    if loss.requires_grad or any(parameter.requires_grad for parameter in module.parameters()):
        loss.backward()
    missing = without_gradient(module)
    expect(not missing, f"these parameters get no finite gradient: {', '.join(missing)}")


def expect_close(found: Tensor, wanted: Tensor, what: str, *, atol: float = 1e-5, rtol: float = 1e-4) -> None:
    """``found`` equals ``wanted`` within the tolerances, NaN nowhere."""
    expect(found.shape == wanted.shape, f"{what}: the shapes are {tuple(found.shape)} and {tuple(wanted.shape)}")
    expect(found.isfinite().all(), f"{what}: values that are not finite")
    torch.testing.assert_close(found, wanted, atol=atol, rtol=rtol, msg=lambda told: f"{what}: {told}")


def expect_same_when_built_again(case: Case, run: Run) -> None:
    """Built twice from one random state and run twice, it gives the same."""
    module = case.make().eval()
    with torch.no_grad():
        first = run(module)
        expect_close(run(module), first, "a second run gives something else", atol=0, rtol=0)
        expect_close(run(case.make().eval()), first, "a second instance gives something else", atol=0, rtol=0)


def expect_bfloat16(module: nn.Module, run: Run, *, rough: float = 0.1) -> None:
    """Under bfloat16 autocast it gives about the same."""
    with torch.no_grad():
        exact = run(module.eval())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = run(module)
    expect_close(rounded.float(), exact.float(), "bfloat16 autocast gives something else", atol=rough, rtol=rough)


def expect_state_dict_round_trip(case: Case, module: nn.Module, run: Run) -> None:
    """Everything that decides its output is in the state dict."""
    module.eval()
    twin = case.make().eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
        twin.load_state_dict(module.state_dict())
        expect_close(run(twin), run(module), "a state dict does not carry everything", atol=0, rtol=0)


def expect_order_does_not_matter(module: nn.Module, run: Callable[[nn.Module, Tensor], Tensor]) -> None:
    """Samples are judged alone: in another order they get the same. ``run`` takes the order, indices [4]."""
    module.eval()
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        turned, straight = run(module, order), run(module, torch.arange(4))
    expect_close(turned, straight[order], "the order of the samples matters", atol=1e-4)
