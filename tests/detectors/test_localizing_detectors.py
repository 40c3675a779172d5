"""Detectors with a localization head: every part is trained, segments come in seconds, and masks are heeded."""

import numpy as np
import pytest
import torch

from zoo.errors import ConfigError
from zoo.registry import build
from zoo.structures import ForgerySample, Segment

WIDTH, CHANNELS, FRAMES = 12, 16, 20
TIMES = np.arange(FRAMES) / 25
TRUTH = (Segment(0.21, 0.5),)
HEAD = {"type": "LocalizationHead", "in_channels": CHANNELS}
TERMS = {
    "clip": {"type": "BinaryCrossEntropyLoss"},
    "frame": {"type": "FrameFocalLoss", "gamma": 0.0},
    "boundary": {"type": "BoundaryLoss"},
    "proposal": {"type": "FrameFocalLoss", "output": "proposal_logits"},
    "iou": {"type": "DistanceIoULoss"},
    "smooth": {"type": "SmoothnessLoss"},
}
ACROSS = {
    "modality": {"type": "FrameFocalLoss", "output": "modality_logits"},
    "contrast": {"type": "SegmentContrastLoss"},
    "frame_info_nce": {"type": "FrameInfoNCELoss"},
}
PROJECTION = {"type": "FeatureProjection", "in_channels": WIDTH, "out_channels": CHANNELS}
TEMPORAL = {"type": "TemporalTransformer", "channels": CHANNELS, "num_layers": 1, "num_heads": 2}


def unimodal(**changes):
    torch.manual_seed(0)
    parts = {"modality": "audio", "projection": PROJECTION, "temporal": TEMPORAL, "head": HEAD}
    loss = {"type": "CombinedLoss", "terms": TERMS}
    return build("detector", {"type": "UnimodalTransformer", **parts, "loss": loss, **changes})


def cross_modal(**changes):
    torch.manual_seed(0)
    parts = {
        "visual_projection": PROJECTION,
        "audio_projection": PROJECTION,
        "fusion": {"type": "CrossAttentionFusion", "channels": CHANNELS, "num_heads": 2},
        "temporal": TEMPORAL,
        "head": {**HEAD, "modalities": True},
        "embedding": {"type": "EmbeddingHead", "in_channels": CHANNELS, "out_channels": 8},
        "synchrony": {"type": "LaggedSimilarity", "in_channels": 8, "out_channels": CHANNELS, "max_lag": 2},
        "loss": {"type": "CombinedLoss", "terms": {**TERMS, **ACROSS}},
    }
    return build("detector", {"type": "CrossModalTransformer", **parts, **changes})


def batch(*, segments=TRUTH, times=TIMES):
    """Four clips in turn real and fake: whole, without a face for a while, without sound, cut short."""
    generator = torch.Generator().manual_seed(1)
    masks = {name: torch.ones(4, FRAMES, dtype=torch.bool) for name in ("visual", "audio")}
    masks["visual"][1, 3:9] = False
    masks["audio"][2] = False
    for mask in masks.values():
        mask[3, 12:] = False
    inputs = {name: torch.randn(4, FRAMES, WIDTH, generator=generator) for name in masks}
    samples = [
        ForgerySample(
            sample_id=f"clip{n}",
            video_id=f"clip{n}",
            corpus="c",
            method="m",
            label=n % 2,
            video_fake=n == 1,
            audio_fake=n == 3,
            fake_segments=segments if n % 2 else (),
            extra={} if times is None else {"frame_times": times},
        )
        for n in range(4)
    ]
    return {**inputs, **{f"{name}_mask": mask for name, mask in masks.items()}}, samples


def untrained(detector):
    return [name for name, p in detector.named_parameters() if p.grad is None or not p.grad.isfinite().all()]


@pytest.mark.parametrize("detector_of", [unimodal, cross_modal])
@pytest.mark.parametrize("segments", [TRUTH, (), None])
def test_every_parameter_is_trained_whatever_the_truth(detector_of, segments):
    detector = detector_of()
    total, _ = detector.parse_losses(detector(*batch(segments=segments), mode="loss"))
    assert total.isfinite()
    total.backward()
    assert untrained(detector) == []


@pytest.mark.parametrize("detector_of", [unimodal, cross_modal])
def test_segments_come_in_seconds_within_the_clip_best_first(detector_of):
    detector = detector_of(proposals={"max_proposals": 5}).eval()
    times = 3.0 + np.arange(FRAMES) / 25
    inputs, samples = batch(times=times)
    with torch.no_grad():
        filled = detector(inputs, samples, mode="predict")
    assert all(sample.segments for sample in filled if sample is not filled[2])  # the third has no sound
    assert samples[0].segments is None and filled[0].fake_segments == ()
    for sample in filled:
        scores = [segment.score for segment in sample.segments]
        assert scores == sorted(scores, reverse=True) and len(scores) <= 5
        for segment in sample.segments:
            assert 3.0 <= segment.start_s < segment.end_s <= 3.8 + 1e-9 and 0 <= segment.score <= 1
    short = filled[3]
    assert len(short.frame_logits) == 12 and all(segment.end_s <= 3.0 + 12 / 25 + 1e-9 for segment in short.segments)


def test_a_clip_without_any_valid_frame_proposes_nothing():
    inputs, samples = batch()
    inputs["audio_mask"][:] = False
    with torch.no_grad():
        assert [sample.segments for sample in unimodal().eval()(inputs, samples, mode="predict")] == [[], [], [], []]


def test_without_times_there_are_no_segments():
    with torch.no_grad():
        filled = unimodal().eval()(*batch(times=None), mode="predict")
    assert all(sample.segments is None and sample.frame_logits is not None for sample in filled)


def test_padding_changes_no_segment():
    detector = cross_modal().eval()
    inputs, samples = batch()
    longer = {name: torch.cat((x, torch.zeros(4, 7, *x.shape[2:], dtype=x.dtype)), dim=1) for name, x in inputs.items()}
    long_times = [sample.extra | {"frame_times": np.arange(FRAMES + 7) / 25} for sample in samples]
    with torch.no_grad():
        expected = detector(inputs, samples, mode="predict")
        for sample, extra in zip(samples, long_times, strict=True):
            sample.extra = extra
        padded = detector(longer, samples, mode="predict")
    for one, other in zip(expected, padded, strict=True):
        for left, right in zip(one.segments, other.segments, strict=True):
            assert (left.start_s, left.end_s, left.score) == pytest.approx(
                (right.start_s, right.end_s, right.score), abs=1e-4
            )


def test_losses_and_heads_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="modality_logits"):
        cross_modal(head=HEAD)
    classification = {"type": "ClassificationHead", "in_channels": CHANNELS}
    with pytest.raises(ConfigError, match="has no"):
        unimodal(head=classification)
    with pytest.raises(ConfigError, match="does not give"):
        cross_modal(head=classification)
    with pytest.raises(ConfigError, match="proposals"):
        unimodal(proposals={"sigma": 3})


def test_frames_of_a_classification_head_can_be_trained():
    classification = {"type": "ClassificationHead", "in_channels": CHANNELS}
    terms = {name: TERMS[name] for name in ("clip", "frame")}
    detector = unimodal(head=classification, loss={"type": "CombinedLoss", "terms": terms})
    losses = detector(*batch(), mode="loss")
    assert {"loss_clip", "loss_frame"} <= losses.keys()
    with torch.no_grad():
        assert detector.eval()(*batch(), mode="predict")[0].segments is None


def test_a_planted_segment_is_learnt():
    """A step in one channel of the sound marks the fake stretch: a few updates find it between frames."""
    generator = torch.Generator().manual_seed(3)
    detector = unimodal(proposals={"max_proposals": 3})
    optimizer = torch.optim.AdamW(detector.parameters(), lr=3e-3)

    def drawn(clips=16):
        audio, samples = 0.1 * torch.randn(clips, FRAMES, WIDTH, generator=generator), []
        for n in range(clips):
            start = float(torch.rand((), generator=generator) * 6 + 3)
            end = start + float(torch.rand((), generator=generator) * 5 + 4)
            shares = (torch.arange(FRAMES) + 1 - start).clamp(0, 1) * (end - torch.arange(FRAMES)).clamp(0, 1)
            audio[n, :, 0] += 3 * shares * (n % 2)
            truth = (Segment(start / 25, end / 25),) if n % 2 else ()
            samples.append(
                ForgerySample(
                    sample_id=str(n),
                    video_id=str(n),
                    corpus="c",
                    method="m",
                    label=n % 2,
                    fake_segments=truth,
                    extra={"frame_times": np.arange(FRAMES) / 25},
                )
            )
        return {"audio": audio, "audio_mask": torch.ones(clips, FRAMES, dtype=torch.bool)}, samples

    for _ in range(150):
        total, _ = detector.parse_losses(detector(*drawn(), mode="loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    with torch.no_grad():
        found = detector.eval()(*drawn(32), mode="predict")
    errors = [
        max(abs(sample.segments[0].start_s - truth.start_s), abs(sample.segments[0].end_s - truth.end_s))
        for sample in found
        for truth in sample.fake_segments
    ]
    assert len(errors) == 16 and np.median(errors) < 0.02  # half a frame
    scores = [[segment.score for segment in sample.segments][:1] or [0.0] for sample in found]
    assert min(score[0] for score in scores[1::2]) > max(score[0] for score in scores[::2])
