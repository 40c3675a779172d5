"""What a backbone promises: pictures or streams to features as wide as it says, each sample by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.errors import DataError
from zoo.testing.case import Case, Check, expect, run_checks
from zoo.testing.component import keep_promises
from zoo.testing.modules import (
    expect_bfloat16,
    expect_close,
    expect_gradients,
    expect_order_does_not_matter,
    expect_same_when_built_again,
    expect_state_dict_round_trip,
)
from zoo.testing.ranks import check_ranks
from zoo.testing.samples import BATCH, FRAMES, features, masks, pixels, spoiled


def check_backbone(component: str | type, config: Mapping[str, Any] | None = None, *, ranks: bool = True) -> None:
    """The contract of a backbone: of pictures where it has a ``mean`` and ``std``, else of streams.

    Of pictures: [b, c, h, w] to [b, n, ``out_channels``]. Of streams: [b, t, ``in_channels``] and a mask [b, t] to
    [b, t, ``out_channels``]. Every parameter gets a gradient, samples do not influence one another in evaluation, and
    masked frames influence nothing.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values; pictures have 64 x 64 pixels and 3 channels.
        ranks: also train a step on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="backbone", component=component, config=config or {})
    keep_promises(case)
    run_checks(case, PICTURE_CHECKS if is_of_pictures(case.make()) else STREAM_CHECKS)
    if ranks:
        check_ranks(case)


def is_of_pictures(module: nn.Module) -> bool:
    return hasattr(module, "mean")


def _run(module: nn.Module) -> Tensor:
    if is_of_pictures(module):
        return module(pixels())
    return module(features(module.in_channels), masks())[masks()]  # type: ignore[arg-type]


def training_step(module: nn.Module, bare: nn.Module, *, seed: int) -> Tensor:
    """A value to train: ``module`` is ``bare``, maybe wrapped; ``seed`` decides the data."""
    if is_of_pictures(bare):
        return module(pixels(seed=seed)).square().mean()
    return module(features(bare.in_channels, seed=seed), masks())[masks()].square().mean()  # type: ignore[arg-type]


def pictures_to_features(case: Case) -> None:
    """Four pictures become [4, n, out_channels], and every parameter gets a gradient."""
    module = case.make()
    widths = {module.in_channels, len(module.mean), len(module.std)}
    expect(widths == {3}, f"in_channels, mean and std must be of 3 channels here, not of {sorted(widths)}")
    out = module(pixels())
    shape = tuple(out.shape)
    expect(
        len(shape) == 3 and (shape[0], shape[2]) == (BATCH, module.out_channels),
        f"the output's shape is {shape}, not ({BATCH}, n, {module.out_channels})",
    )
    expect_gradients(module, out.square().sum())


def pictures_are_judged_alone(case: Case) -> None:
    """In evaluation a picture gets the same features in any batch."""
    module = _used(case)
    with torch.no_grad():
        out = module(pixels())
        expect_close(module(pixels()), out, "a second run gives something else", atol=0, rtol=0)
        expect_close(module(pixels()[[2, 0]]), out[[2, 0]], "the batch matters", atol=1e-4)


def other_sizes_are_taken_or_refused(case: Case) -> None:
    """Pictures of another size get features too, or a `DataError`."""
    module = _used(case)
    try:
        with torch.no_grad():
            out = module(pixels(side=96))
    except DataError:
        return
    expect((len(out), out.shape[-1]) == (BATCH, module.out_channels), f"at 96 pixels the shape is {tuple(out.shape)}")


def memory_format_changes_nothing(case: Case) -> None:
    """Channels last or not, the features are the same."""
    module = _used(case)
    with torch.no_grad():
        lasting = module.to(memory_format=torch.channels_last)(pixels())
        plain = module.to(memory_format=torch.contiguous_format)(pixels().contiguous())
    expect_close(lasting, plain, "the memory format matters", atol=1e-4)


def pictures_in_bfloat16(case: Case) -> None:
    """Under bfloat16 autocast the features are about the same."""
    module = _used(case)
    with torch.no_grad():
        exact = module(pixels())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = module(pixels())
    error = ((rough.float() - exact).norm() / exact.norm()).item()
    expect(error < 0.05, f"bfloat16 autocast changes the features by {error:.1%}")


def pictures_state_dict(case: Case) -> None:
    """Everything that decides the features is in the state dict."""
    expect_state_dict_round_trip(case, _used(case), _run)


def is_built_the_same_again(case: Case) -> None:
    """One random state gives one backbone."""
    expect_same_when_built_again(case, _run)


def streams_to_features(case: Case) -> None:
    """Four clips become [4, t, out_channels], and every parameter gets a gradient."""
    module = case.make()
    out = module(features(module.in_channels), masks())
    wanted = (BATCH, FRAMES, module.out_channels)
    expect(tuple(out.shape) == wanted, f"the output's shape is {tuple(out.shape)}, not {wanted}")
    expect_gradients(module, out[masks()].square().sum())


def masked_frames_change_nothing(case: Case) -> None:
    """What a mask hides, NaN included, changes nothing and makes nothing infinite."""
    module, mask = case.make().eval(), masks()
    x = features(module.in_channels)
    with torch.no_grad():
        out = module(spoiled(x, mask), mask)
        expect(out.isfinite().all(), "NaN in masked frames comes out again")
        expect_close(out[mask], module(x, mask)[mask], "masked frames matter")


def clips_are_judged_alone(case: Case) -> None:
    """The order of the clips does not matter."""
    x, mask = features(case.make().in_channels), masks()
    expect_order_does_not_matter(case.make(), lambda module, order: module(x[order], mask[order]))


def streams_in_bfloat16(case: Case) -> None:
    """Under bfloat16 autocast the features are about the same."""
    expect_bfloat16(case.make(), _run)


def streams_state_dict(case: Case) -> None:
    """Everything that decides the features is in the state dict."""
    expect_state_dict_round_trip(case, case.make(), _run)


def _used(case: Case) -> Any:
    """In evaluation mode, with running statistics other than at the start."""
    module = case.make().train()
    with torch.no_grad():
        module(pixels())
    return module.eval()


PICTURE_CHECKS: Final[tuple[Check, ...]] = (
    pictures_to_features,
    pictures_are_judged_alone,
    other_sizes_are_taken_or_refused,
    memory_format_changes_nothing,
    pictures_in_bfloat16,
    pictures_state_dict,
    is_built_the_same_again,
)
STREAM_CHECKS: Final[tuple[Check, ...]] = (
    streams_to_features,
    masked_frames_change_nothing,
    clips_are_judged_alone,
    streams_in_bfloat16,
    streams_state_dict,
    is_built_the_same_again,
)
