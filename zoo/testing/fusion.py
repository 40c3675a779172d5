"""What a fusion promises: two aligned streams to one, whatever is masked, and whichever is absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

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


def check_fusion(component: str | type, config: Mapping[str, Any] | None = None, *, ranks: bool = True) -> None:
    """The contract of a fusion: two streams [b, t, ``in_channels``] and masks to [b, t, ``out_channels``] and a mask.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.
        ranks: also train a step on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="fusion", component=component, config=config or {})
    keep_promises(case, CHECKS, ranks=ranks)


def _streams(module: Any, *, seed: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    channels = module.in_channels
    return (
        features(channels, seed=seed),
        features(channels, seed=seed + 100),
        masks(),
        masks()[[1, 2, 3, 0]],
    )


def _run(module: nn.Module) -> Tensor:
    return module(*_streams(module))[0]


def training_step(module: nn.Module, bare: nn.Module, *, seed: int) -> Tensor:
    """A value to train: ``module`` is ``bare``, maybe wrapped; ``seed`` decides the data."""
    return module(*_streams(bare, seed=seed))[0].square().mean()


def two_streams_become_one(case: Case) -> None:
    """The output is [4, t, out_channels] with a mask, zero where masked; every parameter gets a gradient."""
    fusion = case.make()
    out, mask = fusion(*_streams(fusion))
    wanted = (BATCH, FRAMES, fusion.out_channels)
    expect(tuple(out.shape) == wanted, f"the output's shape is {tuple(out.shape)}, not {wanted}")
    expect(mask.shape == (BATCH, FRAMES) and mask.dtype == torch.bool, "the mask is not bool [4, t]")
    expect(mask.any(), "the mask hides everything")
    expect((out[~mask] == 0).all(), "what the mask hides is not zero")
    expect_gradients(fusion, out.square().sum())


def masked_frames_change_nothing(case: Case) -> None:
    """What a mask hides, NaN included, changes nothing."""
    fusion = case.make().eval()
    visual, audio, visual_mask, audio_mask = _streams(fusion)
    with torch.no_grad():
        out, _ = fusion(visual, audio, visual_mask, audio_mask)
        hidden, _ = fusion(spoiled(visual, visual_mask), spoiled(audio, audio_mask), visual_mask, audio_mask)
    expect_close(hidden, out, "masked frames matter")


def an_absent_modality_is_no_fault(case: Case) -> None:
    """Without picture, without sound or without both, values and gradients are finite."""
    for absent in ("visual", "audio", "both"):
        fusion = case.make()
        visual, audio, visual_mask, audio_mask = _streams(fusion)
        if absent != "audio":
            visual_mask = torch.zeros_like(visual_mask)
        if absent != "visual":
            audio_mask = torch.zeros_like(audio_mask)
        out, _ = fusion(visual.requires_grad_(), audio, visual_mask, audio_mask)
        expect(out.isfinite().all(), f"without {absent} the output is not finite")
        out.square().sum().backward()
        grads = [visual.grad, *(parameter.grad for parameter in fusion.parameters())]
        expect(all(grad is None or grad.isfinite().all() for grad in grads), f"without {absent}: gradients")
        expect(visual.grad is not None, f"without {absent} no gradient arrives")


def clips_are_judged_alone(case: Case) -> None:
    """The order of the clips does not matter."""
    expect_order_does_not_matter(case.make(), lambda module, order: module(*(x[order] for x in _streams(module)))[0])


def in_bfloat16(case: Case) -> None:
    """Under bfloat16 autocast the output is about the same."""
    expect_bfloat16(case.make(), _run)


def state_dict(case: Case) -> None:
    """Everything that decides the output is in the state dict."""
    expect_state_dict_round_trip(case, case.make(), _run)


def is_built_the_same_again(case: Case) -> None:
    """One random state gives one fusion."""
    expect_same_when_built_again(case, _run)


CHECKS: Final[tuple[Check, ...]] = (
    two_streams_become_one,
    masked_frames_change_nothing,
    an_absent_modality_is_no_fault,
    clips_are_judged_alone,
    in_bfloat16,
    state_dict,
    is_built_the_same_again,
)
