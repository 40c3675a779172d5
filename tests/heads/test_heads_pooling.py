"""Pooling over valid frames."""

import torch

from zoo.heads.classification import ClassificationHead
from zoo.heads.pooling import masked_max, masked_mean, mean_max


def test_pooling_equals_pooling_of_the_valid_frames():
    x = torch.randn(3, 6, 4) - 5  # all maxima negative: a zero of the padding must not win
    mask = torch.ones(3, 6, dtype=torch.bool)
    mask[1, 2:] = False
    mask[2, [0, 4]] = False
    for row, valid, mean, high in zip(x, mask, masked_mean(x, mask), masked_max(x, mask), strict=True):
        torch.testing.assert_close(mean, row[valid].mean(0))
        torch.testing.assert_close(high, row[valid].amax(0))
    torch.testing.assert_close(mean_max(x, mask), masked_mean(x, mask) + masked_max(x, mask))


def test_a_clip_without_frames_gives_zeros_and_finite_gradients():
    x = torch.randn(2, 3, 4, requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, False, False]])
    pooled = mean_max(x, mask)
    assert (pooled[1] == 0).all()
    pooled.sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad[1] == 0).all()


def test_frame_logits_of_a_constant_clip_are_its_logit():
    head = ClassificationHead(in_channels=4).eval()
    frame = torch.randn(2, 1, 4)
    clip = frame.expand(2, 5, 4)
    logit = head(clip, torch.ones(2, 5, dtype=torch.bool))
    torch.testing.assert_close(head.frames(clip), logit.unsqueeze(1).expand(2, 5))
