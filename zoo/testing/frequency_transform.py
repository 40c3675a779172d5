"""What a transform of the pixels promises: a map of finite values for any picture, by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises
from zoo.testing.modules import expect_close, expect_same_when_built_again
from zoo.testing.samples import BATCH, pixels


def check_frequency_transform(component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """The contract of a frequency transform: [b, 3, h, w] in [0, 1] to [b, ``out_channels``, h', w'].

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="frequency_transform", component=component, config=config or {})
    keep_promises(case, CHECKS)


def training_step(module: nn.Module, bare: nn.Module, *, seed: int) -> Tensor:
    """A value to train: ``module`` is ``bare``, maybe wrapped; ``seed`` decides the data."""
    return module(pixels(seed=seed)).square().mean()


def pictures_to_maps(case: Case) -> None:
    """Four pictures become four maps of finite values that differ, each of its picture alone."""
    transform = case.make()
    expect(transform.in_channels == 3, f"in_channels is {transform.in_channels}, not 3")
    out = transform(pixels())
    expect(
        tuple(out.shape[:2]) == (BATCH, transform.out_channels),
        f"the shape is {tuple(out.shape)}, not ({BATCH}, {transform.out_channels}, h, w)",
    )
    expect(out.isfinite().all() and out.std() > 1e-2, "the values are not finite or hardly differ")
    expect_close(transform(pixels()[1:2]), out[1:2], "the batch matters", atol=1e-4)


def only_what_is_learnt_is_stored(case: Case) -> None:
    """The state dict holds parameters only: fixed filters are built, not stored."""
    transform = case.make()
    surplus = sorted(set(transform.state_dict()) ^ {name for name, _ in transform.named_parameters()})
    expect(not surplus, f"register these buffers with persistent=False: {', '.join(surplus)}")


def flat_pictures_give_finite_values(case: Case) -> None:
    """A picture of one colour gives finite values."""
    transform = case.make()
    for value in (0.0, 0.5, 1.0):
        expect(transform(torch.full((1, 3, 32, 32), value)).isfinite().all(), f"not so at {value}")


def gradients_reach_the_pixels(case: Case) -> None:
    """Gradients reach the pixels."""
    x = pixels().contiguous().requires_grad_()
    case.make()(x).square().sum().backward()
    expect(x.grad is not None and x.grad.isfinite().all() and x.grad.abs().sum() > 0, "none or not finite")


def is_built_the_same_again(case: Case) -> None:
    """One random state gives one transform."""
    expect_same_when_built_again(case, lambda module: module(pixels()))


CHECKS: Final[tuple[Check, ...]] = (
    pictures_to_maps,
    only_what_is_learnt_is_stored,
    flat_pictures_give_finite_values,
    gradients_reach_the_pixels,
    is_built_the_same_again,
)
