"""What every head promises."""

import pytest
import torch
from part_cases import CHANNELS, FRAMES, make, masks, names, spoil, without_gradient

from zoo.detectors.parts import LocalizingHead


@pytest.fixture(params=names("head"))
def head(request):
    return make("head", request.param)


def features():
    return torch.randn(4, FRAMES, CHANNELS, generator=torch.Generator().manual_seed(3))


def test_shapes_and_gradients(head):
    out, frames = head(features(), masks()), head.frames(features())
    tail = () if head.out_channels == 1 else (head.out_channels,)
    assert out.shape == (4, *tail)
    assert frames.shape == (4, FRAMES, *tail)
    told = [out]
    if isinstance(head, LocalizingHead):
        localized = head.localize(features(), masks())
        assert localized.keys() == head.gives and {"fake_logit", "frame_logits"} <= head.gives
        told += localized.values()
    sum((each * torch.randn_like(each)).sum() for each in told).backward()
    assert without_gradient(head) == []


def test_what_a_mask_hides_changes_nothing(head):
    head.eval()
    mask = masks()
    out = head(features(), mask)
    torch.testing.assert_close(head(spoil(features(), mask), mask), out)
    assert out.isfinite().all()
    if isinstance(head, LocalizingHead):
        told, spoiled = (head.localize(x, mask) for x in (features(), spoil(features(), mask)))
        for name in told:
            torch.testing.assert_close(spoiled[name], told[name])


def test_a_clip_of_one_frame_is_judged_as_that_frame(head):
    head.eval()
    one = features()[:, :1]
    alone = head(one, torch.ones(4, 1, dtype=torch.bool))
    torch.testing.assert_close(alone, head.frames(one)[:, 0])


def test_order_of_clips_does_not_matter(head):
    head.eval()
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(head(features()[order], masks()[order]), head(features(), masks())[order])


def test_bfloat16_autocast(head):
    head.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = head(features(), masks())
    torch.testing.assert_close(out.float(), head(features(), masks()), atol=0.1, rtol=0.1)


def test_state_dict_round_trip(head):
    head.eval()
    twin = make("head", type(head).__name__).eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    twin.load_state_dict(head.state_dict())
    assert torch.equal(twin(features(), masks()), head(features(), masks()))
