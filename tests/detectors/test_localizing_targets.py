"""From fake segments in seconds to what each frame is trained towards."""

import numpy as np
import pytest
import torch

from zoo.detectors.targets import NAMES, frame_targets
from zoo.errors import DataError
from zoo.structures import ForgerySample, Segment

FRAMES = 12
TIMES = np.arange(FRAMES) / 10


def sample(segments, *, label=1, video=True, audio=False, times=TIMES):
    return ForgerySample(
        sample_id="s",
        video_id="s",
        corpus="c",
        method="m",
        label=label,
        video_fake=video,
        audio_fake=audio,
        fake_segments=segments,
        extra={} if times is None else {"frame_times": times},
    )


def targets_of(*samples, mask=None):
    mask = torch.ones(len(samples), FRAMES, dtype=torch.bool) if mask is None else mask
    return frame_targets(samples, mask)


def test_a_segment_between_frames_by_hand():
    targets = targets_of(sample((Segment(0.225, 0.55),)))
    assert targets.keys() == NAMES
    assert targets["frame_label"][0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(targets["start_label"][0, :5], [0, 0, 0.75, 0.25, 0], atol=1e-6)
    np.testing.assert_allclose(targets["end_label"][0, 4:8], [0, 0.5, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(targets["segment_distances"][0, 3:6], [[0.75, 2.5], [1.75, 1.5], [2.75, 0.5]], atol=1e-6)
    assert not targets["segment_distances"][0, :3].any() and not targets["segment_distances"][0, 6:].any()
    assert targets["modality_label"][0, :, 0].tolist() == targets["frame_label"][0].tolist()
    assert not targets["modality_label"][0, :, 1].any()


def test_a_frame_on_the_start_is_in_and_one_on_the_end_is_out():
    label = targets_of(sample((Segment(0.2, 0.5),)))["frame_label"][0]
    assert label.nonzero().flatten().tolist() == [2, 3, 4]


def test_what_the_window_cuts_off_has_no_boundary():
    targets = targets_of(sample((Segment(-0.5, 0.2), Segment(1.0, 3.0))))
    assert not targets["start_label"][0, :9].any() and targets["start_label"][0, 10] == 1
    assert not targets["end_label"][0, 3:].any() and targets["end_label"][0, 2] == 1
    assert targets["segment_distances"][0, 0].tolist() == [0, 2]
    assert targets["segment_distances"][0, 11].tolist() == [1, 1]


def test_genuine_unknown_and_masked():
    mask = torch.ones(4, FRAMES, dtype=torch.bool)
    mask[0, 5:] = False
    genuine, told, unknown = sample(None, label=0, times=None), sample((), label=0), sample(None)
    targets = targets_of(genuine, told, unknown, sample(None, label=None), mask=mask)
    assert targets["frame_label"][0].tolist() == [0] * 5 + [-1] * 7
    assert not targets["frame_label"][1].any() and not targets["modality_label"][1].any()
    for name in NAMES - {"segment_distances"}:
        assert (targets[name][2:] == -1).all(), name


def test_a_segment_may_name_its_modality():
    segments = (Segment(0.1, 0.3, modality="audio"), Segment(0.5, 0.7, modality="video"), Segment(0.9, 1.0))
    label = targets_of(sample(segments, audio=True))["modality_label"][0]
    assert label[1].tolist() == [0, 1] and label[5].tolist() == [1, 0]
    assert label[9].tolist() == [1, 1] and label[0].tolist() == [0, 0]


def test_of_a_fake_of_which_no_modality_is_told_none_is_trained():
    label = targets_of(sample((Segment(0.1, 0.3),), video=None, audio=None))
    assert (label["modality_label"] == -1).all() and label["frame_label"].max() == 1


def test_uneven_times_are_followed():
    times = np.concatenate((np.arange(6) / 10, 1 + np.arange(6) / 5))
    label = targets_of(sample((Segment(0.95, 1.5),), times=times))["frame_label"][0]
    assert label.nonzero().flatten().tolist() == [6, 7, 8]


def test_segments_without_times_are_an_error():
    with pytest.raises(DataError, match="not known when its frames are"):
        targets_of(sample((Segment(0.1, 0.3),), times=None))
