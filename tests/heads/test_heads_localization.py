"""The localization head: how the clip's logit comes from its frames, and what it gives."""

import pytest
import torch

from zoo.errors import ConfigError
from zoo.heads.localization import LocalizationHead


def head(**options):
    torch.manual_seed(0)
    return LocalizationHead(in_channels=8, **options).eval()


def test_the_clip_is_as_fake_as_its_most_suspicious_frames():
    logits = torch.tensor([[0.0, 5.0, 3.0, 9.0], [1.0, 2.0, 7.0, 7.0], [4.0, 4.0, 4.0, 4.0]])
    mask = torch.tensor([[True, True, True, False], [True, False, False, False], [False] * 4])
    assert head(top_frames=2).pool(logits, mask).tolist() == [4.0, 1.0, 0.0]
    assert head(top_frames=100).pool(logits[:1], mask[:1]).tolist() == pytest.approx([8 / 3])


def test_distances_are_positive_and_finite_whatever_the_features():
    told = head().localize(1e4 * torch.randn(2, 9, 8), torch.ones(2, 9, dtype=torch.bool))
    assert (told["proposal_distances"] > 0).all() and told["proposal_distances"].isfinite().all()
    assert told["proposal_distances"].shape == (2, 9, 2)


def test_modalities_are_told_only_when_asked_for():
    assert "modality_logits" not in head().gives
    told = head(modalities=True).localize(torch.randn(2, 9, 8), torch.ones(2, 9, dtype=torch.bool))
    assert told["modality_logits"].shape == (2, 9, 2)


def test_what_follows_a_gap_is_seen_as_what_follows_the_end():
    x, mask = torch.randn(1, 12, 8), torch.ones(1, 12, dtype=torch.bool)
    mask[:, 6:] = False
    net = head()
    torch.testing.assert_close(net.localize(x, mask)["frame_logits"][:, :6], net.frames(x[:, :6]))


@pytest.mark.parametrize("mistake", [{"kernel_size": 2}, {"num_layers": -1}, {"top_frames": 0}])
def test_numbers_out_of_range_are_refused(mistake):
    with pytest.raises(ConfigError):
        head(**mistake)
