"""What every backbone of streams promises."""

import pytest
import torch
from part_cases import CHANNELS, FRAMES, make, masks, names, spoil, without_gradient


@pytest.fixture(params=names("backbone", of="streams"))
def backbone(request):
    return make("backbone", request.param)


def features():
    return torch.randn(4, FRAMES, CHANNELS, generator=torch.Generator().manual_seed(3))


def test_shape_and_gradients(backbone):
    out = backbone(features(), masks())
    assert out.shape == (4, FRAMES, backbone.out_channels)
    assert backbone.in_channels == CHANNELS
    out[masks()].square().sum().backward()
    assert without_gradient(backbone) == []


def test_what_a_mask_hides_changes_nothing(backbone):
    backbone.eval()
    mask = masks()
    torch.testing.assert_close(backbone(spoil(features(), mask), mask)[mask], backbone(features(), mask)[mask])
    assert backbone(spoil(features(), mask), mask).isfinite().all()


def test_order_of_clips_does_not_matter(backbone):
    backbone.eval()
    order = torch.tensor([2, 0, 3, 1])
    turned = backbone(features()[order], masks()[order])
    torch.testing.assert_close(turned, backbone(features(), masks())[order])


def test_bfloat16_autocast(backbone):
    backbone.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = backbone(features(), masks())
    torch.testing.assert_close(out.float(), backbone(features(), masks()), atol=0.1, rtol=0.1)


def test_state_dict_round_trip(backbone):
    backbone.eval()
    twin = make("backbone", type(backbone).__name__).eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    twin.load_state_dict(backbone.state_dict())
    assert torch.equal(twin(features(), masks()), backbone(features(), masks()))
