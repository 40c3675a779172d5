"""Directions and masks of the cross-attention fusion, and the lags of the similarity."""

import pytest
import torch
from torch import nn

from zoo.errors import ConfigError
from zoo.fusion.cross_attention import CrossAttentionFusion
from zoo.fusion.lagged_similarity import LaggedSimilarity

CHANNELS, HEADS, FRAMES = 16, 2, 7


def fusion(**options):
    torch.manual_seed(0)
    return CrossAttentionFusion(**{"channels": CHANNELS, "num_heads": HEADS, **options}).eval()


def streams():
    generator = torch.Generator().manual_seed(1)
    visual_mask = torch.ones(2, FRAMES, dtype=torch.bool)
    audio_mask = visual_mask.clone()
    visual_mask[0, 5:] = False
    audio_mask[1, :2] = False
    return (
        torch.randn(2, FRAMES, CHANNELS, generator=generator),
        torch.randn(2, FRAMES, CHANNELS, generator=generator),
        visual_mask,
        audio_mask,
    )


@pytest.mark.parametrize("direction", ["audio_to_visual", "visual_to_audio"])
def test_one_direction_equals_multihead_attention_with_a_residual(direction):
    model = fusion(direction=direction)
    visual, audio, visual_mask, audio_mask = streams()
    branch = getattr(model, direction)
    reference = nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True).eval()
    reference.load_state_dict(
        {
            f"in_proj_{kind}": torch.cat(
                [getattr(branch.attention.query, kind), getattr(branch.attention.key_value, kind)]
            )
            for kind in ("weight", "bias")
        }
        | {f"out_proj.{kind}": getattr(branch.attention.out, kind) for kind in ("weight", "bias")}
    )
    out, mask = model(visual, audio, visual_mask, audio_mask)
    query, key, query_mask, key_mask = (audio, visual, audio_mask, visual_mask)
    if direction == "visual_to_audio":
        query, key, query_mask, key_mask = key, query, key_mask, query_mask
    expected = branch.norm(query + reference(query, key, key, key_padding_mask=~key_mask)[0])
    assert torch.equal(mask, query_mask)
    torch.testing.assert_close(out[mask], expected[mask], atol=1e-5, rtol=1e-5)


def test_both_directions_are_averaged_over_the_streams_a_frame_has():
    model = fusion()
    visual, audio, visual_mask, audio_mask = streams()
    out, mask = model(visual, audio, visual_mask, audio_mask)
    parts = {}
    for direction in ("audio_to_visual", "visual_to_audio"):
        single = fusion(direction=direction)
        state = {name: value for name, value in model.state_dict().items() if name.startswith(direction)}
        single.load_state_dict(state)
        parts[direction] = single(visual, audio, visual_mask, audio_mask)[0]
    both = visual_mask & audio_mask
    heard, seen = parts["audio_to_visual"], parts["visual_to_audio"]
    torch.testing.assert_close(out[both], (heard[both] + seen[both]) / 2)
    torch.testing.assert_close(out[audio_mask & ~visual_mask], heard[audio_mask & ~visual_mask])
    torch.testing.assert_close(out[visual_mask & ~audio_mask], seen[visual_mask & ~audio_mask])
    assert torch.equal(mask, visual_mask | audio_mask)


def test_without_rotary_context_is_a_set_and_with_it_is_not():
    visual, audio, _, _ = streams()
    valid = torch.ones(2, FRAMES, dtype=torch.bool)
    for rotary in (False, True):
        model = fusion(direction="audio_to_visual", rotary=rotary)
        same = torch.allclose(
            model(visual.flip(1), audio, valid, valid)[0], model(visual, audio, valid, valid)[0], atol=1e-5
        )
        assert same is not rotary


def test_unknown_direction_is_named():
    with pytest.raises(ConfigError, match="direction must be one of"):
        fusion(direction="both")


def test_similarity_peaks_at_the_lag():
    torch.manual_seed(0)
    part = LaggedSimilarity(in_channels=32, out_channels=9, max_lag=4)
    with torch.no_grad():
        part.linear.weight.copy_(torch.eye(9))
        part.linear.bias.zero_()
    audio = nn.functional.normalize(torch.randn(1, 20, 32), dim=-1)
    valid = torch.ones(1, 20, dtype=torch.bool)
    for lag in (-4, 0, 3):
        visual = audio.roll(-lag, dims=1)  # the picture shows now what is heard lag frames later
        similarity, _ = part(visual, audio, valid, valid)
        assert (similarity[0, 4:-4].argmax(dim=-1) == lag + 4).all()
        torch.testing.assert_close(similarity[0, 4:-4, lag + 4], torch.ones(12))


def test_similarity_outside_the_clip_and_at_silent_frames_is_zero():
    part = LaggedSimilarity(in_channels=4, out_channels=5, max_lag=2)
    with torch.no_grad():
        part.linear.weight.copy_(torch.eye(5))
        part.linear.bias.zero_()
    ones = nn.functional.normalize(torch.ones(1, 6, 4), dim=-1)
    valid = torch.ones(1, 6, dtype=torch.bool)
    silent = valid.clone()
    silent[0, 3] = False
    similarity, mask = part(ones, ones, valid, silent)
    torch.testing.assert_close(similarity[0, 0], torch.tensor([0.0, 0, 1, 1, 1]))
    torch.testing.assert_close(similarity[0, 2], torch.tensor([1.0, 1, 1, 0, 1]))
    assert (similarity[0, 3] == 0).all()
    assert torch.equal(mask, silent)
    with pytest.raises(ConfigError):
        LaggedSimilarity(in_channels=4, out_channels=5, max_lag=-1)
