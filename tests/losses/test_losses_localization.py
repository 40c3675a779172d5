"""The losses of localization by values worked out by hand."""

import math

import pytest
import torch

from zoo.errors import ConfigError
from zoo.losses.boundary import BoundaryLoss
from zoo.losses.combined import CombinedLoss
from zoo.losses.distance_iou import DistanceIoULoss
from zoo.losses.frame_focal import FrameFocalLoss
from zoo.losses.segment_contrast import SegmentContrastLoss
from zoo.losses.smoothness import SmoothnessLoss


def row(*values):
    return torch.tensor([values])


def test_frame_focal_counts_known_frames_only():
    logits, label = row(0.0, 2.0, 5.0), row(1.0, 0.0, -1.0)
    loss = FrameFocalLoss(gamma=0)({"frame_logits": logits}, {"frame_label": label})
    expected = (math.log(2) + math.log(1 + math.exp(2))) / 2
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_frame_focal_fades_and_weighs():
    loss = FrameFocalLoss(gamma=2, alpha=0.75)({"frame_logits": row(0.0, 0.0)}, {"frame_label": row(1.0, 0.0)})
    torch.testing.assert_close(loss, torch.tensor((0.75 + 0.25) * 0.25 * math.log(2) / 2))


def test_frame_focal_of_modalities_reads_their_labels():
    loss = FrameFocalLoss(output="modality_logits", gamma=0)
    assert (loss.uses, loss.reads) == ({"modality_logits"}, {"modality_label"})
    label = torch.tensor([[[1.0, -1.0]]])
    value = loss({"modality_logits": torch.zeros(1, 1, 2)}, {"modality_label": label})
    torch.testing.assert_close(value, torch.tensor(math.log(2)))


@pytest.mark.parametrize("mistake", [{"output": "fake_logit"}, {"gamma": -1}, {"alpha": 1.0}])
def test_frame_focal_refuses_nonsense(mistake):
    with pytest.raises(ConfigError):
        FrameFocalLoss(**mistake)


def test_boundary_is_divided_by_the_number_of_boundaries():
    outputs = {"start_logits": row(0.0, 0.0, 0.0, 9.0), "end_logits": row(0.0, 0.0, 0.0, 9.0)}
    targets = {"start_label": row(0.25, 0.75, 0.0, -1.0), "end_label": row(0.0, 0.0, 1.0, -1.0)}
    torch.testing.assert_close(BoundaryLoss()(outputs, targets), torch.tensor(6 * math.log(2) / 2))


def test_boundary_is_least_at_the_labels():
    label = row(0.0, 0.3, 0.7, 0.0)
    logits = torch.logit(label.clamp(1e-6, 1 - 1e-6)).requires_grad_()
    loss = BoundaryLoss()({"start_logits": logits, "end_logits": logits}, {"start_label": label, "end_label": label})
    loss.backward()
    assert logits.grad.abs().max() < 1e-5


def test_distance_iou_by_hand():
    proposed = torch.tensor([[[2.0, 2.0], [1.0, 5.0], [9.0, 9.0]]])
    true = torch.tensor([[[2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]])
    loss = DistanceIoULoss()(
        {"proposal_distances": proposed}, {"frame_label": row(1.0, 1.0, 0.0), "segment_distances": true}
    )
    # the second: covers 1 + 2 of 2 + 5; its centre lies 2 to the right of the true one
    torch.testing.assert_close(loss, torch.tensor((0 + 1 - 3 / 7 + (2 / 7) ** 2) / 2))


def test_distance_iou_weighs_segments_not_frames():
    true = torch.tensor([[[1.0, 1.0], *[[5.0, 5.0]] * 10]])
    proposed = true * torch.tensor([2.0, *[1.0] * 10])[None, :, None]
    loss = DistanceIoULoss()(
        {"proposal_distances": proposed}, {"frame_label": torch.ones(1, 11), "segment_distances": true}
    )
    torch.testing.assert_close(loss, torch.tensor(0.5 * (1 / 2) / (1 / 2 + 10 / 10)))


def test_contrast_pulls_genuine_pairs_and_pushes_forged_ones():
    angles = torch.tensor([0.5, 0.5, 0.5, 2.0])
    visual = torch.stack((angles.cos(), angles.sin()), dim=-1)[None]
    audio = torch.tensor([1.0, 0.0]).expand(1, 4, 2)
    mask = torch.ones(1, 4, dtype=torch.bool)
    outputs = {"visual_frames": visual, "audio_frames": audio, "visual_mask": mask, "audio_mask": mask}
    modality = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    targets = {"frame_label": row(0.0, 1.0, 1.0, 1.0), "modality_label": modality}
    expected = (1 - math.cos(0.5)) + (math.cos(0.5) - 0.2 + 0) / 2  # both forged: no part; below the margin: 0
    torch.testing.assert_close(SegmentContrastLoss(margin=0.2)(outputs, targets), torch.tensor(expected))
    outputs["audio_mask"] = torch.zeros_like(mask)
    assert SegmentContrastLoss()(outputs, targets) == 0


def test_smoothness_leaves_changes_of_the_truth_alone():
    logits, label = row(0.0, 1.0, 9.0, 19.0, 0.0), row(0.0, 0.0, 1.0, 1.0, -1.0)
    torch.testing.assert_close(
        SmoothnessLoss(largest=3)({"frame_logits": logits}, {"frame_label": label}), torch.tensor(5.0)
    )


def test_combined_passes_on_what_its_terms_read():
    loss = CombinedLoss(terms={"iou": DistanceIoULoss(), "smooth": SmoothnessLoss()})
    assert loss.reads == {"frame_label", "segment_distances"}
