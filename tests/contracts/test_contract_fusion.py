"""What every fusion promises."""

import pytest
import torch
from part_cases import CHANNELS, FRAMES, make, masks, names, spoil, without_gradient


@pytest.fixture(params=names("fusion"))
def fusion(request):
    return make("fusion", request.param)


def streams():
    generator = torch.Generator().manual_seed(3)
    visual_mask, audio_mask = masks(), masks()[[1, 2, 3, 0]]
    visual = torch.randn(4, FRAMES, CHANNELS, generator=generator)
    audio = torch.randn(4, FRAMES, CHANNELS, generator=generator)
    return visual, audio, visual_mask, audio_mask


def test_shape_mask_and_gradients(fusion):
    out, mask = fusion(*streams())
    assert out.shape == (4, FRAMES, fusion.out_channels)
    assert mask.shape == (4, FRAMES)
    assert mask.dtype == torch.bool
    assert mask.any()
    assert (out[~mask] == 0).all()
    out.square().sum().backward()
    assert without_gradient(fusion) == []


def test_what_a_mask_hides_changes_nothing(fusion):
    fusion.eval()
    visual, audio, visual_mask, audio_mask = streams()
    out, _ = fusion(visual, audio, visual_mask, audio_mask)
    spoiled, _ = fusion(spoil(visual, visual_mask), spoil(audio, audio_mask), visual_mask, audio_mask)
    torch.testing.assert_close(spoiled, out)
    assert out.isfinite().all()


@pytest.mark.parametrize("absent", ["visual", "audio", "both"])
def test_an_absent_modality_gives_finite_values_and_gradients(fusion, absent):
    visual, audio, visual_mask, audio_mask = streams()
    if absent != "audio":
        visual_mask = torch.zeros_like(visual_mask)
    if absent != "visual":
        audio_mask = torch.zeros_like(audio_mask)
    out, _ = fusion(visual.requires_grad_(), audio, visual_mask, audio_mask)
    assert out.isfinite().all()
    out.square().sum().backward()
    assert visual.grad.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters())


def test_order_of_clips_does_not_matter(fusion):
    fusion.eval()
    order = torch.tensor([2, 0, 3, 1])
    turned, _ = fusion(*(x[order] for x in streams()))
    torch.testing.assert_close(turned, fusion(*streams())[0][order])


def test_bfloat16_autocast(fusion):
    fusion.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, _ = fusion(*streams())
    torch.testing.assert_close(out.float(), fusion(*streams())[0], atol=0.1, rtol=0.1)


def test_state_dict_round_trip(fusion):
    fusion.eval()
    twin = make("fusion", type(fusion).__name__).eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    twin.load_state_dict(fusion.state_dict())
    assert torch.equal(twin(*streams())[0], fusion(*streams())[0])
