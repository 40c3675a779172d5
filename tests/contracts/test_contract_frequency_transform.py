"""What every transform of pixels to frequencies promises."""

import pytest
import torch
from part_cases import make, names, pictures


@pytest.fixture(params=names("frequency_transform"))
def transform(request):
    return make("frequency_transform", request.param)


def pixels():
    return pictures().float() / 255


def test_shape_range_and_independence_of_the_batch(transform):
    assert transform.in_channels == 3
    out = transform(pixels())
    assert out.shape[:2] == (4, transform.out_channels)
    assert out.isfinite().all()
    assert out.std() > 1e-2
    torch.testing.assert_close(transform(pixels()[1:2]), out[1:2], atol=1e-4, rtol=1e-4)


LEARNT = {"FrequencyDecomposition": {"weights"}}


def test_only_what_is_learnt_is_stored(transform):
    learnt = LEARNT.get(type(transform).__name__, set())
    assert set(transform.state_dict()) == {name for name, _ in transform.named_parameters()} == learnt


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_give_finite_values(transform, value):
    assert transform(torch.full((1, 3, 32, 32), value)).isfinite().all()


def test_gradients_reach_the_pixels(transform):
    x = pixels().contiguous().requires_grad_()
    transform(x).square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0
