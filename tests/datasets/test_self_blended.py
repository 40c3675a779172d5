"""Self-blended crops: outlines, masks, blends, and the dataset that makes fakes of real crops."""

import cv2
import numpy as np
import pyarrow as pa
import pytest
from crop_helpers import clip, corpus, write_crops
from torch.utils.data import DataLoader

from zoo.datasets.collate import collate_crops
from zoo.datasets.manifest import read_manifest, write_manifest
from zoo.datasets.samplers.mix import MixSampler
from zoo.datasets.self_blended import SelfBlendedCrops
from zoo.datasets.self_blending import RATIOS, SelfBlending, blending_mask, face_outline
from zoo.errors import DataError
from zoo.faces.align import template

SIZE = 64
POINTS = (template(size=SIZE, margin=1.4) + 0.5) / SIZE
UNKNOWN = np.full((5, 2), np.nan)


class Kind:
    """In place of a generator: the outline of this kind."""

    def __init__(self, kind):
        self.kind = kind

    def integers(self, _):
        return self.kind


def picture(seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def area(outline):
    return cv2.contourArea(outline.astype(np.float32))


def holds(outline, points):
    return [cv2.pointPolygonTest(outline.astype(np.float32), tuple(map(float, point)), False) > 0 for point in points]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_an_outline_holds_the_face_and_follows_its_points(kind):
    outline = face_outline(POINTS, {}, Kind(kind))
    assert all(holds(outline, POINTS)) and outline.min() > 0 and outline.max() < 1
    assert area(cv2.convexHull(outline.astype(np.float32))) == pytest.approx(area(outline), rel=1e-3)
    turned = (POINTS - 0.5) @ np.array([[0.8, 0.3], [-0.3, 0.8]]) + 0.52
    followed = face_outline(turned, {}, Kind(kind))
    np.testing.assert_allclose(followed, (outline - 0.5) @ np.array([[0.8, 0.3], [-0.3, 0.8]]) + 0.52, atol=1e-6)


def test_outlines_differ_in_how_much_of_the_face_they_hold():
    whole, brows, inner = (face_outline(POINTS, {}, Kind(kind)) for kind in range(3))
    assert area(whole) > 1.1 * area(brows) > 1.2 * area(inner)
    assert brows[:, 1].min() > whole[:, 1].min() + 0.1


def test_a_face_in_profile_narrows_its_outline_and_no_face_is_a_similarity():
    profile = (POINTS - 0.5) * (0.6, 1) + 0.5
    assert 0.5 < area(face_outline(profile, {}, Kind(0))) / area(face_outline(POINTS, {}, Kind(0))) < 0.7
    crushed = (POINTS - 0.5) * (0.1, 1) + 0.5
    width, height = np.ptp(face_outline(crushed, {}, Kind(0)), axis=0)
    assert width > 0.6 * height


def test_without_points_the_outline_follows_from_how_crops_were_made():
    ellipse = face_outline(UNKNOWN, {"margin": 0.3}, Kind(0))
    np.testing.assert_allclose([ellipse[:, 1].min(), ellipse[:, 1].max()], [0.5 - 0.5 / 1.6, 0.5 + 0.5 / 1.6])
    np.testing.assert_allclose(ellipse.mean(axis=0), 0.5)
    uncut = face_outline(UNKNOWN, {"margin": 0.3, "detector": "none"}, Kind(0))
    assert np.ptp(uncut[:, 1]) == pytest.approx(1.0)
    aligned = face_outline(UNKNOWN, {"margin": 0.2, "align": True}, Kind(0))
    np.testing.assert_allclose(aligned, face_outline(POINTS, {}, Kind(0)), atol=1e-6)
    part = np.where(np.arange(5)[:, None] < 3, POINTS, np.nan)
    np.testing.assert_allclose(face_outline(part, {}, Kind(0)), face_outline(POINTS, {}, Kind(0)), atol=1e-6)
    together = np.full((5, 2), 0.5)
    np.testing.assert_array_equal(face_outline(together, {"margin": 0.3}, Kind(0)), ellipse)


def test_masks_are_soft_regions_of_the_stated_weights():
    outline = face_outline(POINTS, {}, Kind(0))
    masks = [blending_mask(outline, (SIZE, SIZE), np.random.default_rng(seed)) for seed in range(60)]
    tops = np.array([mask.max() for mask in masks])
    assert np.abs(tops[:, None] - np.unique(RATIOS)).min(axis=1).max() < 0.02
    assert 0.3 < (tops > 0.9).mean() < 0.7
    assert len({mask.tobytes() for mask in masks}) == 60
    for mask, top in zip(masks, tops, strict=True):
        assert mask.shape == (SIZE, SIZE) and mask.dtype == np.float32 and max(mask[0].max(), mask[:, 0].max()) < 1e-3
        assert 0.05 < (mask > top / 2).mean() < 0.5
    soft = [((mask > 0.1 * top) & (mask < 0.9 * top)).any() for mask, top in zip(masks, tops, strict=True)]
    assert sum(soft) > 50  # a seam may be as sharp as a pixel


def test_a_blend_changes_the_face_and_depends_on_the_generator_alone():
    blending, image = SelfBlending(), picture()
    before, same = image.copy(), 0
    for seed in range(20):
        blended, weight = blending.blend(image, face_outline(POINTS, {}, Kind(0)), np.random.default_rng(seed))
        again, _ = SelfBlending().blend(image, face_outline(POINTS, {}, Kind(0)), np.random.default_rng(seed))
        assert blended.shape == image.shape and blended.dtype == np.uint8
        np.testing.assert_array_equal(blended, again)
        inside = np.abs(blended.astype(int) - image)[weight > weight.max() / 2]
        assert inside.mean() > 0.5
        same += int((blended[weight == 0] == image[weight == 0]).all())
    np.testing.assert_array_equal(image, before)
    assert 4 < same < 17  # which copy was changed: the one below about as often as the one above


def pictures(root, *videos, points=True, align=False):
    """Crops of `crop_helpers`, with pictures large enough to blend, and points if wanted."""
    write_crops(root, *videos)
    table = read_manifest(root).table
    for number, path in enumerate(table["path"].to_pylist()):
        cv2.imwrite(str(root / path), picture(number))
    if points:
        flat = (POINTS * SIZE - 0.5).ravel().tolist()
        column = pa.array([flat] * len(table), table.schema.field("points").type)
        table = table.set_column(table.schema.get_field_index("points"), "points", column)
    write_manifest(root / "manifest.parquet", table, provenance={"margin": 0.2, "image_size": SIZE, "align": align})
    return root


@pytest.fixture(scope="module")
def reals(tmp_path_factory):
    videos = [rows for rows in corpus() if rows[0]["label"] == 0]
    return pictures(tmp_path_factory.mktemp("reals"), *videos)


def test_every_real_crop_comes_as_it_is_and_blended(reals):
    dataset = SelfBlendedCrops(reals, frames_per_video=3)
    assert dataset.labels().tolist() == [0] * 6 + [1] * 6 and dataset.class_counts() == {0: 6, 1: 6}
    for index in range(6):
        real, fake = dataset[index], dataset[index + 6]
        told, made = real["data_samples"], fake["data_samples"]
        assert (told.label, told.method, made.label, made.method) == (0, "real", 1, "self_blended")
        assert made.video_id == f"{told.video_id}/self_blended"
        assert made.sample_id == made.video_id + told.sample_id.removeprefix(told.video_id)
        difference = (fake["inputs"]["image"].int() - real["inputs"]["image"].int()).abs()
        assert 0.05 < difference.float().mean() < 60
    with pytest.raises(IndexError):
        dataset[12]
    assert dataset.provenance()["outlines"] == {"points": 12, "box": 0}


def test_fakes_are_left_out_and_fewer_videos_are_real(tmp_path):
    root = pictures(tmp_path, *corpus())
    assert SelfBlendedCrops(root).provenance()["corpora"] == {"c": 12}
    limited = SelfBlendedCrops(root, limit=1)
    assert len(limited) == 12 and limited.provenance()["videos"] == 1
    for dataset in (SelfBlendedCrops(root), limited):
        assert {dataset[index]["data_samples"].method for index in range(len(dataset))} == {"real", "self_blended"}


def test_blends_are_the_same_in_workers_and_other_in_each_epoch(reals):
    dataset = SelfBlendedCrops(reals, transforms=[{"type": "AugmentationPreset", "name": "guide"}], image_size=40)
    sampler = MixSampler(dataset, mixer={"type": "BalancedMixer", "by": ("label",)}, seed=2)
    loader = DataLoader(dataset, batch_size=5, sampler=sampler, num_workers=1, collate_fn=collate_crops)
    epochs = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        indices = list(sampler)
        for batch, start in zip(loader, range(0, len(indices), 5), strict=True):
            here = dataset.__getitems__(indices[start : start + 5])
            assert batch["inputs"]["image"].shape[2:] == (40, 40)
            assert batch["inputs"]["image"].equal(here["inputs"]["image"])
            assert batch["data_samples"] == here["data_samples"]
        epochs.append(dataset[len(dataset) - 1]["inputs"]["image"])
    assert not epochs[0].equal(epochs[1])


@pytest.mark.parametrize("align", [False, True])
def test_crops_without_points_are_blended_and_counted(tmp_path, align):
    root = pictures(tmp_path, *corpus(), points=False, align=align)
    dataset = SelfBlendedCrops(root, split="val", test_mode=True)
    assert dataset.provenance()["outlines"] == {"points": 0, "box": 12}
    assert not dataset[0]["inputs"]["image"].equal(dataset[12]["inputs"]["image"])


def test_data_without_real_crops_is_refused(tmp_path):
    root = pictures(tmp_path, clip("c/a", "train", 1), clip("c/b", "val", 0))
    with pytest.raises(DataError, match="no crops that can be used"):
        SelfBlendedCrops(root)
