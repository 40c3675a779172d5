"""Rows without padding, cheap dropout, and the projection's width."""

import pytest
import torch

from zoo.backbones.dropout import Dropout
from zoo.backbones.packing import Packing
from zoo.backbones.projection import FeatureProjection
from zoo.errors import ConfigError, DataError


def test_packing_there_and_back():
    mask = torch.tensor([[True, False, True], [False, False, False], [True, True, False]])
    x = torch.randn(3, 3, 5, requires_grad=True)
    packing = Packing(mask)
    rows = packing.pack(x)
    torch.testing.assert_close(rows, x[mask])
    back = packing.unpack(rows)
    torch.testing.assert_close(back, x.masked_fill(~mask.unsqueeze(-1), 0))
    back.square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * back.detach())


def test_packing_nothing():
    packing = Packing(torch.zeros(2, 4, dtype=torch.bool))
    rows = packing.pack(torch.randn(2, 4, 3))
    assert rows.shape == (0, 3)
    assert torch.equal(packing.unpack(rows), torch.zeros(2, 4, 3))


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    x = torch.ones(1000, 1001, requires_grad=True)
    out = Dropout(probability)(x)
    assert float((out == 0).float().mean()) == pytest.approx(probability, abs=2e-3)
    assert float(out.detach().mean()) == pytest.approx(1, abs=1e-2)
    assert out[out != 0].unique().tolist() == pytest.approx([1 / (1 - probability)], rel=1e-3)
    out.sum().backward()
    torch.testing.assert_close(x.grad, out.detach())


def test_dropout_of_neighbours_is_independent():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(1_000_000)) != 0).float() - 0.5
    for distance in (1, 2, 3, 4, 5, 8):
        correlation = (kept[distance:] * kept[:-distance]).mean() / 0.25
        assert abs(correlation) < 5e-3, distance


def test_dropout_follows_the_seed_and_rests_in_evaluation():
    layer, x = Dropout(0.3), torch.randn(7, 5)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert layer.eval()(x) is x
    assert Dropout(0)(x) is x
    assert Dropout(0.3)(torch.randn(3).bfloat16()).dtype == torch.bfloat16
    with pytest.raises(ConfigError):
        Dropout(1.0)


def test_projection_names_a_wrong_width():
    projection = FeatureProjection(in_channels=8, out_channels=4)
    with pytest.raises(DataError, match="features are 6 wide; the projection takes 8"):
        projection(torch.randn(1, 3, 6), torch.ones(1, 3, dtype=torch.bool))


def test_centered_projection_does_not_see_what_stays():
    torch.manual_seed(0)
    projection = FeatureProjection(in_channels=8, out_channels=4, center=True).eval()
    mask = torch.ones(2, 5, dtype=torch.bool)
    mask[1, 3:] = False
    x = torch.randn(2, 5, 8)
    face = torch.randn(2, 1, 8)
    torch.testing.assert_close(projection(x + face, mask)[mask], projection(x, mask)[mask], atol=1e-5, rtol=1e-5)
    plain = FeatureProjection(in_channels=8, out_channels=4).eval()
    assert (plain(x + face, mask) - plain(x, mask))[mask].abs().max() > 1e-2
