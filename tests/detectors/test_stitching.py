"""Windows over long clips: every frame once, in order, and the same outputs as of the undivided clip."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from zoo.detectors.long_clips import localize
from zoo.detectors.stitching import plan_windows, stitch, window_outputs
from zoo.errors import ConfigError
from zoo.registry import build

CHANNELS, WIDTH = 16, 12


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 15, 16, 17, 100, 101])
@pytest.mark.parametrize("overlap", [0, 1, 4, 7])
def test_kept_frames_join_without_gap_or_repetition(length, overlap):
    windows = plan_windows(length, size=8, overlap=overlap)
    assert [frame for window in windows for frame in range(window.first, window.last)] == list(range(length))
    for window in windows:
        assert 0 <= window.start <= window.first < window.last <= window.stop <= length
        assert window.stop - window.start == min(8, length)
    for left, right in pairwise(windows):
        assert left.stop - right.start >= overlap
        assert min(left.stop - left.last, right.first - right.start) >= overlap // 2


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (8, 8), (8, -1)])
def test_windows_that_cannot_be_are_refused(size, overlap):
    with pytest.raises(ConfigError, match="cannot overlap"):
        plan_windows(100, size=size, overlap=overlap)


def test_a_model_that_looks_near_gives_what_it_gives_of_the_whole_clip():
    x = torch.randn(1, 4, 103, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(2, 4, 7, generator=torch.Generator().manual_seed(1))  # sees three frames on both sides

    def encode(window):
        return {"out": F.conv1d(x[..., window.start : window.stop], weight, padding=3).transpose(1, 2)}

    whole = F.conv1d(x, weight, padding=3).transpose(1, 2)
    out = stitch(window_outputs(encode, plan_windows(103, size=20, overlap=6)))["out"]
    torch.testing.assert_close(out, whole)


def detector_with(head):
    """A detector without attention along time: it sees as far as its head."""
    torch.manual_seed(0)
    parts = {
        "projection": {"type": "FeatureProjection", "in_channels": WIDTH, "out_channels": CHANNELS},
        "temporal": {"type": "TemporalTransformer", "channels": CHANNELS, "num_layers": 0, "num_heads": 2},
        "head": {"in_channels": CHANNELS, **head},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    }
    return build("detector", {"type": "UnimodalTransformer", "modality": "audio", **parts}).eval()


def localizer():
    return detector_with({"type": "LocalizationHead", "num_layers": 2, "modalities": True})


def clip_of(frames):
    audio = torch.randn(1, frames, WIDTH, generator=torch.Generator().manual_seed(2))
    mask = torch.ones(1, frames, dtype=torch.bool)
    mask[:, 30:34] = False
    return {"audio": audio, "audio_mask": mask}


def test_a_long_clip_is_localized_as_the_undivided_one():
    inputs, times, calls = clip_of(120), np.arange(120) / 25, []

    def read(first, stop):
        calls.append((first, stop))
        return {name: x[:, first:stop] for name, x in inputs.items()}

    detector = localizer()
    whole = localize(detector, read, times, size=120, overlap=0)
    calls.clear()
    parts = localize(detector, read, times, size=40, overlap=12)
    assert len(calls) > 2 and max(stop - first for first, stop in calls) == 40
    assert parts.fake_logit == pytest.approx(whole.fake_logit, abs=1e-5)
    np.testing.assert_allclose(parts.frame_logits, whole.frame_logits, atol=1e-5)
    assert np.isnan(parts.frame_logits[30:34]).all()
    assert len(parts.segments) == len(whole.segments) > 0
    for one, other in zip(parts.segments, whole.segments, strict=True):
        assert (one.start_s, one.end_s, one.score) == pytest.approx((other.start_s, other.end_s, other.score), abs=1e-4)
        assert one.modality == other.modality


def test_a_clip_without_frames_has_no_segments():
    told = localize(localizer(), lambda first, stop: {}, np.zeros(0), size=8, overlap=2)
    assert told.segments == [] and len(told.frame_logits) == 0


def test_a_detector_that_does_not_localize_says_so():
    with pytest.raises(ConfigError, match="ClassificationHead does not tell where in time"):
        localize(detector_with({"type": "ClassificationHead"}), lambda first, stop: {}, np.zeros(4), size=8, overlap=2)
