"""What every backbone of pictures promises."""

import pytest
import torch
from part_cases import make, names, pictures, without_gradient

torch.set_num_threads(1)


@pytest.fixture(params=names("backbone", of="pictures"))
def backbone(request):
    return make("backbone", request.param)


def pixels(**options):
    return pictures(**options).float() / 255


def test_shape_and_gradients(backbone):
    assert backbone.in_channels == len(backbone.mean) == len(backbone.std) == 3
    out = backbone(pixels())
    assert out.shape == (4, 1, backbone.out_channels)
    out.square().sum().backward()
    assert without_gradient(backbone) == []


def test_pictures_are_judged_alone_and_alike_in_evaluation(backbone):
    backbone(pixels())  # statistics other than at the start
    backbone.eval()
    with torch.no_grad():
        out = backbone(pixels())
        assert torch.equal(backbone(pixels()), out)
        torch.testing.assert_close(backbone(pixels()[[2, 0]]), out[[2, 0]], atol=1e-4, rtol=1e-4)


def test_other_sizes_are_taken(backbone):
    with torch.no_grad():
        assert backbone.eval()(pixels(side=96)).shape == (4, 1, backbone.out_channels)


def test_memory_format_changes_nothing(backbone):
    backbone.eval()
    with torch.no_grad():
        lasting = backbone.to(memory_format=torch.channels_last)(pixels())
        plain = backbone.to(memory_format=torch.contiguous_format)(pixels().contiguous())
    torch.testing.assert_close(lasting, plain, atol=1e-4, rtol=1e-4)


def test_bfloat16_autocast(backbone):
    backbone(pixels())
    backbone.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        rough = backbone(pixels())
    exact = backbone(pixels())
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()


def test_state_dict_round_trip(backbone):
    backbone(pixels())
    backbone.eval()
    twin = make("backbone", type(backbone).__name__).eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
        twin.load_state_dict(backbone.state_dict())
        assert torch.equal(twin(pixels()), backbone(pixels()))
