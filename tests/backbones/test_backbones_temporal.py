"""The transformer along time against PyTorch's own, its positions and its masks."""

import pytest
import torch
from torch import nn

from zoo.backbones.positions import rotate, sinusoidal_positions
from zoo.backbones.temporal_transformer import TemporalTransformer
from zoo.errors import ConfigError

CHANNELS, HEADS, FRAMES = 24, 3, 11


def transformer(**options):
    torch.manual_seed(0)
    return TemporalTransformer(**{"channels": CHANNELS, "num_layers": 2, "num_heads": HEADS, **options}).eval()


def clips():
    mask = torch.ones(3, FRAMES, dtype=torch.bool)
    mask[1, 6:] = False
    mask[2, :4] = False
    return torch.randn(3, FRAMES, CHANNELS, generator=torch.Generator().manual_seed(1)), mask


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_equals_the_encoder_of_pytorch(norm):
    ours = transformer(norm=norm)
    layer = nn.TransformerEncoderLayer(
        CHANNELS, HEADS, 4 * CHANNELS, activation="gelu", batch_first=True, norm_first=norm == "pre"
    )
    final = nn.LayerNorm(CHANNELS) if norm == "pre" else None
    theirs = nn.TransformerEncoder(layer, 2, norm=final, enable_nested_tensor=False).eval()
    names = {
        "attention.qkv.": "self_attn.in_proj_",
        "attention.out.": "self_attn.out_proj.",
        "attention_norm.": "norm1.",
        "expand.": "linear1.",
        "contract.": "linear2.",
        "feedforward_norm.": "norm2.",
    }
    state = {}
    for name, value in ours.state_dict().items():
        for mine, other in names.items():
            name = name.replace(mine, other)
        state[name] = value
    theirs.load_state_dict(state)
    x, mask = clips()
    expected = theirs(x, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, mask)[mask], expected[mask], atol=1e-5, rtol=1e-5)
    assert (ours(x, mask)[~mask] == 0).all()


def test_without_positions_frames_are_a_set():
    x, _ = clips()
    valid = torch.ones(3, FRAMES, dtype=torch.bool)
    order = torch.randperm(FRAMES, generator=torch.Generator().manual_seed(2))
    model = transformer()
    torch.testing.assert_close(model(x[:, order], valid), model(x, valid)[:, order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_with_positions_order_matters(positions):
    x, _ = clips()
    valid = torch.ones(3, FRAMES, dtype=torch.bool)
    model = transformer(positions=positions)
    turned = model(x.flip(1), valid).flip(1)
    assert (turned - model(x, valid)).abs().max() > 1e-3


def test_rotary_scores_depend_on_time_differences_only():
    x, mask = clips()
    model = transformer(positions="rotary")
    shifted_x = torch.cat((torch.zeros(3, 5, CHANNELS), x), dim=1)
    shifted_mask = torch.cat((torch.zeros(3, 5, dtype=torch.bool), mask), dim=1)
    torch.testing.assert_close(model(shifted_x, shifted_mask)[:, 5:], model(x, mask), atol=1e-5, rtol=1e-5)
    query, key = torch.randn(2, 8)
    scores = rotate(query.expand(1, 1, 9, 8)) @ rotate(key.expand(1, 1, 9, 8)).transpose(-1, -2)
    for lag in range(-8, 9):
        diagonal = scores[0, 0].diagonal(lag)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5, rtol=1e-5)


def test_gradient_of_the_rotation():
    heads = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rotate, (heads,), atol=1e-4)  # angles are float32
    torch.testing.assert_close(rotate(heads).norm(dim=-1), heads.norm(dim=-1))


def test_sinusoidal_table():
    table = sinusoidal_positions(4, 6, like=torch.zeros(()))
    assert table.shape == (4, 6)
    torch.testing.assert_close(table[0], torch.tensor([0.0, 0, 0, 1, 1, 1]))
    torch.testing.assert_close(table[3, 0], torch.tensor(3.0).sin())
    torch.testing.assert_close(table[3, 4], (torch.tensor(3.0) / 10_000 ** (1 / 3)).cos())


def test_repeats_in_the_backward_pass_draw_the_same_dropout():
    x, mask = clips()
    model = transformer(dropout=0.5).train()
    x.requires_grad_()
    torch.manual_seed(3)
    model(x, mask).square().sum().backward()
    step = 1e-3 * x.grad / x.grad.norm()

    def loss_at(point):
        torch.manual_seed(3)
        with torch.no_grad():
            return model.double()(point.double(), mask).square().sum()

    slope = (loss_at(x + step) - loss_at(x - step)) / 2e-3
    torch.testing.assert_close(slope.float(), x.grad.norm(), rtol=1e-2, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": "learned"}, "positions must be one of"),
        ({"norm": "both"}, "norm must be one of"),
        ({"num_heads": 5}, "do not split over 5 heads"),
        ({"channels": 9, "num_heads": 3, "positions": "rotary"}, "even head width"),
        ({"channels": 9, "num_heads": 3, "positions": "sinusoidal"}, "even width"),
        ({"dropout": 1.0}, r"\[0, 1\)"),
    ],
)
def test_wrong_choices_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        transformer(**options)
