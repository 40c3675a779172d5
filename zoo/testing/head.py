"""What a head promises: clips to one result each, and frames to one each by the same standard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.detectors.parts import LocalizingHead
from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises
from zoo.testing.modules import (
    expect_bfloat16,
    expect_close,
    expect_gradients,
    expect_order_does_not_matter,
    expect_same_when_built_again,
    expect_state_dict_round_trip,
)
from zoo.testing.samples import BATCH, FRAMES, features, masks, spoiled


def check_head(component: str | type, config: Mapping[str, Any] | None = None, *, ranks: bool = True) -> None:
    """The contract of a head: features [b, t, ``in_channels``] and a mask to [b], or [b, e] for e = ``out_channels``.

    ``head.frames(features)`` gives [b, t], or [b, t, e]. A `zoo.detectors.parts.LocalizingHead` gives what it says.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.
        ranks: also train a step on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="head", component=component, config=config or {})
    keep_promises(case, CHECKS, ranks=ranks)


def _run(module: nn.Module) -> Tensor:
    return module(features(module.in_channels), masks())  # type: ignore[arg-type]


class _Localizing(nn.Module):
    """Everything that a localizing head tells, in one forward pass as a detector asks for it."""

    def __init__(self, head: Any):
        super().__init__()
        self.head = head
        self.in_channels = head.in_channels

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return torch.cat([told.flatten() for told in self.head.localize(x, mask).values()])


def as_trained(head: nn.Module) -> nn.Module:
    """``head``, or what calls it as a detector does in training."""
    return _Localizing(head) if isinstance(head, LocalizingHead) else head


def training_step(module: nn.Module, bare: nn.Module, *, seed: int) -> Tensor:
    """A value to train: ``module`` is ``bare``, maybe wrapped; ``seed`` decides the data."""
    return _randomly_weighed(module(features(bare.in_channels, seed=seed), masks()))  # type: ignore[arg-type]


def _randomly_weighed(out: Tensor) -> Tensor:
    """A sum that no normalisation of ``out`` holds constant."""
    return (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(5))).sum()


def clips_and_frames_to_results(case: Case) -> None:
    """Clips give [4] or [4, e], frames [4, t] or [4, t, e]; every parameter gets a gradient."""
    head = case.make()
    x = features(head.in_channels)
    out, frames = head(x, masks()), head.frames(x)
    tail = () if head.out_channels == 1 else (head.out_channels,)
    expect(tuple(out.shape) == (BATCH, *tail), f"of clips the shape is {tuple(out.shape)}, not {(BATCH, *tail)}")
    wanted = (BATCH, FRAMES, *tail)
    expect(tuple(frames.shape) == wanted, f"of frames the shape is {tuple(frames.shape)}, not {wanted}")
    trained = _randomly_weighed(out)
    if isinstance(head, LocalizingHead):
        told = head.localize(x, masks())
        expect(told.keys() == head.gives, f"localize gives {sorted(told)}, `gives` says {sorted(head.gives)}")
        expect({"fake_logit", "frame_logits"} <= head.gives, "localize gives no fake_logit or no frame_logits")
        trained = trained + sum(map(_randomly_weighed, told.values()))
    expect_gradients(head, trained)


def masked_frames_change_nothing(case: Case) -> None:
    """What a mask hides, NaN included, changes nothing; a clip without a valid frame gets a finite result."""
    head, mask = case.make().eval(), masks()
    x = features(head.in_channels)
    with torch.no_grad():
        expect_close(head(spoiled(x, mask), mask), head(x, mask), "masked frames matter")
        if isinstance(head, LocalizingHead):
            told, hidden = head.localize(x, mask), head.localize(spoiled(x, mask), mask)
            for name in told:
                expect_close(hidden[name], told[name], f"masked frames matter to {name}")


def one_frame_is_judged_as_that_frame(case: Case) -> None:
    """A clip of one frame gets the result of that frame."""
    head = case.make().eval()
    one = features(head.in_channels)[:, :1]
    with torch.no_grad():
        alone = head(one, torch.ones(BATCH, 1, dtype=torch.bool))
        expect_close(alone, head.frames(one)[:, 0], "clip and frame differ")


def clips_are_judged_alone(case: Case) -> None:
    """The order of the clips does not matter."""
    x, mask = features(case.make().in_channels), masks()
    expect_order_does_not_matter(case.make(), lambda module, order: module(x[order], mask[order]))


def in_bfloat16(case: Case) -> None:
    """Under bfloat16 autocast the results are about the same."""
    expect_bfloat16(case.make(), _run)


def state_dict(case: Case) -> None:
    """Everything that decides the results is in the state dict."""
    expect_state_dict_round_trip(case, case.make(), _run)


def is_built_the_same_again(case: Case) -> None:
    """One random state gives one head."""
    expect_same_when_built_again(case, _run)


CHECKS: Final[tuple[Check, ...]] = (
    clips_and_frames_to_results,
    masked_frames_change_nothing,
    one_frame_is_judged_as_that_frame,
    clips_are_judged_alone,
    in_bfloat16,
    state_dict,
    is_built_the_same_again,
)
