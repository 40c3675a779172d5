"""Clips out of manifests: which frames, in which order, padded, and changed alike."""

import numpy as np
import pytest
import torch
from crop_helpers import clip, corpus, write_crops

from zoo.datasets.clips import ClipDataset
from zoo.datasets.transforms.base import ImageTransform
from zoo.errors import ConfigError


def frames_of(sample):
    """The numbers of the frames that a clip shows."""
    return sample["inputs"]["image"][sample["inputs"]["image_mask"]][:, 0, 0, 0].tolist()


class Shift(ImageTransform):
    def __call__(self, sample, rng):
        sample["image"] = sample["image"] // 2 + np.uint8(rng.integers(1, 100))
        return sample


def test_a_video_is_a_sample_of_frames_spread_over_it(tmp_path):
    data = ClipDataset(str(write_crops(tmp_path, *corpus(crops=9))), split="test", test_mode=True, frames=3)
    assert len(data) == 4 and data.labels().tolist() == [0, 0, 1, 1] and data.class_counts() == {0: 2, 1: 2}
    sample = data[0]
    assert frames_of(sample) == [1, 4, 7]
    told = sample["data_samples"]
    assert (told.start_s, told.end_s, told.sample_id) == (0.5, 5.0, f"{told.video_id}#0")
    assert sample["inputs"]["image"].shape == (3, 3, 8, 8) and sample["inputs"]["image_mask"].all()
    assert data.provenance()["clip_frames"] == 3


def test_training_draws_anew_each_epoch_in_order_of_time(tmp_path):
    data = ClipDataset(str(write_crops(tmp_path, *corpus(crops=30))), frames=5)
    drawn = []
    for epoch in range(6):
        data.set_epoch(epoch, seed=3)
        drawn.append(frames_of(data[0]))
        assert frames_of(data[0]) == drawn[-1]
    assert len({tuple(frames) for frames in drawn}) > 3
    for frames in drawn:
        assert [frame // 6 for frame in frames] == [0, 1, 2, 3, 4]


def test_short_tracks_are_padded_and_masked(tmp_path):
    data = ClipDataset(str(write_crops(tmp_path, *corpus(crops=2))), split="val", test_mode=True, frames=4)
    sample = data[0]
    assert sample["inputs"]["image_mask"].tolist() == [True, True, False, False]
    assert frames_of(sample) == [0, 1] and not sample["inputs"]["image"][2:].any()


def test_each_face_of_a_video_has_its_own_clip(tmp_path):
    rows = clip("two", "test", 0, crops=8, identities=["a"])
    for row in rows[4:]:
        row["track"] = 1
    root = write_crops(tmp_path, rows, clip("one", "test", 1, crops=4, identities=["b"]))
    data = ClipDataset(str(root), split="test", test_mode=True, frames=2)
    assert [data[n]["data_samples"].sample_id for n in range(3)] == ["two#0", "two#1", "one#0"]
    assert [frames_of(data[n]) for n in range(2)] == [[1, 3], [5, 7]]
    assert data.cells().sizes.sum() == len(data) == 3


def test_all_frames_of_a_clip_are_changed_alike(tmp_path):
    root = str(write_crops(tmp_path, *corpus(crops=4)))
    data = ClipDataset(root, frames=4, transforms=[Shift()])
    blue = data[0]["inputs"]["image"][:, 2, 0, 0]
    assert (blue == blue[0]).all()
    others = {int(data[n]["inputs"]["image"][0, 2, 0, 0]) for n in range(2)}
    assert len(others) == 2
    batch = data.__getitems__([0, 1])
    assert batch["inputs"]["image"].shape == (2, 4, 3, 8, 8)
    assert torch.equal(batch["inputs"]["image"][1], data[1]["inputs"]["image"])


def test_mistakes_are_named(tmp_path):
    root = str(write_crops(tmp_path, *corpus()))
    with pytest.raises(ConfigError, match="at least 2 frames, not 1"):
        ClipDataset(root, frames=1)
    with pytest.raises(ConfigError, match="frames, not frames_per_video"):
        ClipDataset(root, frames_per_video=3)
