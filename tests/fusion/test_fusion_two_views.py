"""Streams side by side, through a gate and weighed by a scalar, against their formulas."""

import pytest
import torch

from zoo.errors import ConfigError
from zoo.fusion.concat import ConcatFusion
from zoo.fusion.gated import GatedFusion
from zoo.fusion.weighted import WeightedFusion

B, T, D = 3, 4, 6


def views():
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(B, T, dtype=torch.bool)
    return torch.randn(B, T, D, generator=generator), torch.randn(B, T, D, generator=generator), mask, mask.clone()


def fusion(build, **options):
    torch.manual_seed(0)
    return build(**options).eval()


def test_a_gate_gives_a_value_between_both_in_every_channel():
    model = fusion(GatedFusion, channels=D)
    first, second, mask, other = views()
    out, _ = model(first, second, mask, other)
    share = torch.sigmoid(torch.cat((first, second), dim=-1) @ model.gate.weight.T + model.gate.bias)
    torch.testing.assert_close(out, share * first + (1 - share) * second)
    assert (out <= torch.maximum(first, second)).all() and (out >= torch.minimum(first, second)).all()


def test_an_open_gate_keeps_the_first_and_a_shut_one_the_second():
    model = fusion(GatedFusion, channels=D)
    for bias, kept in ((100.0, 0), (-100.0, 1)):
        torch.nn.init.constant_(model.gate.bias, bias)
        torch.testing.assert_close(model(*views())[0], views()[kept])


def test_where_one_view_is_missing_a_gate_keeps_the_other_whole():
    model = fusion(GatedFusion, channels=D)
    first, second, mask, other = views()
    mask[0, 1] = False
    other[1, 2] = False
    mask[2, 3] = other[2, 3] = False
    out, valid = model(first, second, mask, other)
    torch.testing.assert_close(out[0, 1], second[0, 1])
    torch.testing.assert_close(out[1, 2], first[1, 2])
    assert (out[2, 3] == 0).all()
    assert valid.sum() == B * T - 1 and not valid[2, 3]


def test_concatenation_sees_both_views_and_which_is_which():
    model = fusion(ConcatFusion, in_channels=D, out_channels=5)
    first, second, mask, other = views()
    out, _ = model(first, second, mask, other)
    assert out.shape == (B, T, 5)
    expected = torch.nn.functional.gelu(model.net[1](model.net[0](torch.cat((first, second), dim=-1))))
    torch.testing.assert_close(out, expected)
    assert (model(second, first, mask, other)[0] - out).abs().max() > 1e-2


def test_to_concatenation_a_missing_view_is_one_of_zeros():
    model = fusion(ConcatFusion, in_channels=D)
    first, second, mask, other = views()
    absent = torch.zeros_like(other)
    out, valid = model(first, second, mask, absent)
    torch.testing.assert_close(out, model(first, torch.zeros_like(second), mask, other)[0])
    assert valid.all() and out.shape == (B, T, D)


def test_a_scalar_weighs_both_and_keeps_one_whole_where_the_other_is_missing():
    model = fusion(WeightedFusion, channels=D, weight=0.8)
    first, second, mask, other = views()
    other[1, 2] = False
    mask[2, 3] = other[2, 3] = False
    out, valid = model(first, second, mask, other)
    torch.testing.assert_close(out[0], 0.8 * first[0] + 0.2 * second[0])
    torch.testing.assert_close(out[1, 2], first[1, 2])
    assert (out[2, 3] == 0).all() and valid.sum() == B * T - 1


def test_a_scalar_is_learnt_or_fixed_and_saved_either_way():
    learned, fixed = (fusion(WeightedFusion, channels=D, learned=learned) for learned in (True, False))
    learned(*views())[0].square().sum().backward()
    assert learned.logit.grad != 0
    assert not [p for p in fixed.parameters() if p.requires_grad]
    assert fixed.state_dict().keys() == learned.state_dict().keys() == {"logit"}
    for weight in (0.0, 1.0, -1.0):
        with pytest.raises(ConfigError, match="weight must lie in"):
            WeightedFusion(channels=D, weight=weight)
