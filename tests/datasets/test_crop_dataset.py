"""CropDataset over files and packs: samples, draws, splits, filters, memory."""

import gc
import json
import pickle

import numpy as np
import pyarrow as pa
import pytest
import torch
from crop_helpers import SIZE, clip, colour, corpus, many_rows, write_crops
from torch.utils.data import DataLoader

from zoo.datasets.collate import collate_crops
from zoo.datasets.crops import CropDataset
from zoo.datasets.manifest import provenance_hash, read_manifest, write_manifest
from zoo.datasets.mixers.balanced import BalancedMixer
from zoo.datasets.samplers.epoch import EpochSampler
from zoo.datasets.samplers.mix import MixSampler
from zoo.errors import ConfigError, DataError

FLIP = {"type": "Albumentations", "ops": [{"op": "HorizontalFlip", "p": 0.5}]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_crops(tmp_path_factory.mktemp("files"), *corpus())


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    return write_crops(tmp_path_factory.mktemp("packs"), *corpus(), packed=True)


@pytest.fixture(params=["files", "packs"])
def root(request, files, packs):
    return {"files": files, "packs": packs}[request.param]


def whole(dataset):
    return dataset.__getitems__(range(len(dataset)))


def drawn(dataset):
    return [sample.sample_id for sample in whole(dataset)["data_samples"]]


def test_a_sample_is_a_picture_and_what_the_manifest_tells(root):
    dataset = CropDataset(root, split="test", test_mode=True)
    assert len(dataset) == 24 and dataset.class_counts() == {0: 12, 1: 12}
    sample = dataset[len(dataset) - 1]
    image, known = sample["inputs"]["image"], sample["data_samples"]
    assert image.dtype == torch.uint8 and image.shape == (3, SIZE, SIZE)
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), colour(1, 5))
    assert (known.sample_id, known.video_id, known.corpus) == ("c/test3#005", "c/test3", "c")
    assert (known.method, known.label, known.start_s, known.end_s, known.status) == ("swap", 1, 2.5, 2.5, "ok")


def test_files_and_packs_give_equal_samples(files, packs):
    first, second = (whole(CropDataset(root, split="train", frames_per_video=3)) for root in (files, packs))
    assert torch.equal(first["inputs"]["image"], second["inputs"]["image"])
    assert first["data_samples"] == second["data_samples"]


def test_evaluation_sees_every_crop_once_and_labels_rise(root):
    dataset = CropDataset(root, split="val", test_mode=True, frames_per_video=2)
    ids = drawn(dataset)
    assert sorted(ids) == sorted(f"c/val{video}#{frame:03d}" for video in range(4) for frame in range(6))
    dataset.set_epoch(3)
    assert drawn(dataset) == ids
    assert dataset.labels().dtype == np.int8 and (np.diff(dataset.labels()) >= 0).all()
    assert [sample.label for sample in whole(dataset)["data_samples"]] == dataset.labels().tolist()


def test_each_epoch_draws_other_frames_and_the_same_ones_again(root):
    dataset = CropDataset(root, frames_per_video=3, seed=5)
    assert len(dataset) == 12
    epochs = []
    for epoch in range(12):
        dataset.set_epoch(epoch)
        epochs.append(drawn(dataset))
        assert len(set(epochs[-1])) == 12  # no crop twice
        for name in ("c/train0", "c/train3"):  # one of each third of a video
            frames = [int(item[-3:]) for item in epochs[-1] if item.startswith(name)]
            assert [frame // 2 for frame in frames] == [0, 1, 2]
    assert len({tuple(epoch) for epoch in epochs}) > 10
    assert len({item for epoch in epochs for item in epoch}) == 24  # all frames have their turn
    again = CropDataset(root, frames_per_video=3)
    again.set_epoch(7, seed=5)
    assert drawn(again) == epochs[7]
    again.set_epoch(7, seed=6)
    assert drawn(again) != epochs[7]


def test_a_video_with_few_crops_gives_what_it_has(tmp_path):
    rows = [clip("c/a", "train", 0, crops=2), clip("c/b", "train", 1, crops=5), clip("c/t", "test", 1)]
    dataset = CropDataset(write_crops(tmp_path, *rows), frames_per_video=4)
    ids = drawn(dataset)
    assert ids[:2] == ["c/a#000", "c/a#001"] and len(ids) == 6 and len(set(ids)) == 6
    assert len(CropDataset(tmp_path)) == 7


def test_batches_equal_samples_and_are_channels_last(root):
    dataset = CropDataset(root, frames_per_video=2, transforms=[FLIP])
    batch = collate_crops(dataset.__getitems__([5, 0, 3]))
    single = collate_crops([dataset[5], dataset[0], dataset[3]])
    assert torch.equal(batch["inputs"]["image"], single["inputs"]["image"])
    assert batch["data_samples"] == single["data_samples"]
    image = batch["inputs"]["image"]
    assert image.shape == (3, 3, SIZE, SIZE) and image.is_contiguous(memory_format=torch.channels_last)


def test_transforms_depend_on_seed_epoch_and_index_alone(files):
    def lefts(seed, epoch):
        dataset = CropDataset(files, transforms=[FLIP])
        dataset.set_epoch(epoch, seed=seed)
        return (whole(dataset)["inputs"]["image"][:, 1, 0, 0] == 255).tolist()

    assert lefts(1, 0) == lefts(1, 0) != lefts(1, 1) != lefts(2, 1)
    assert 4 < sum(lefts(1, 0)) < 20


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_with_and_without_workers_give_the_same(packs, workers):
    dataset = CropDataset(packs, frames_per_video=3)
    sampler = EpochSampler(dataset, seed=3)
    loader = DataLoader(
        dataset,
        batch_size=5,
        sampler=sampler,
        num_workers=workers,
        collate_fn=collate_crops,
        persistent_workers=workers > 0,
    )
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        batches = list(loader)
        plain = collate_crops([dataset[index] for index in sampler])
        assert torch.equal(torch.cat([batch["inputs"]["image"] for batch in batches]), plain["inputs"]["image"])
        assert [sample for batch in batches for sample in batch["data_samples"]] == plain["data_samples"]
        assert batches[0]["inputs"]["image"].is_contiguous(memory_format=torch.channels_last)


def test_the_balanced_sampler_draws_both_classes_equally(tmp_path):
    rows = [clip(f"c/{index}", "train", int(index > 0)) for index in range(7)] + [clip("c/t", "test", 0)]
    dataset = CropDataset(write_crops(tmp_path, *rows))
    drawn_labels = dataset.labels()[list(MixSampler(dataset, mixer=BalancedMixer(by=("label",)), seed=0))]
    assert dataset.class_counts() == {0: 6, 1: 36}
    assert np.bincount(drawn_labels).tolist() == [21, 21]


def test_several_manifests_are_one_dataset(tmp_path, packs):
    other = write_crops(tmp_path, *corpus("d", crops=3))
    dataset = CropDataset([str(packs), str(other)], split="test", test_mode=True)
    batch = whole(dataset)
    assert len(dataset) == 24 + 12 == len(set(drawn(dataset)))
    assert [sample.corpus for sample in batch["data_samples"]].count("d") == 12
    reds = batch["inputs"]["image"][:, 0, 0, 0].tolist()
    assert reds == [int(sample.sample_id[-3:]) for sample in batch["data_samples"]]
    told = dataset.provenance()
    assert told["corpora"] == {"c": 24, "d": 12} and len(told["split_hashes"]) == 2
    assert dataset.data_root == [str(packs), str(other)]


def test_corpora_and_methods_can_be_chosen(tmp_path, files):
    other = write_crops(tmp_path, *corpus("d"))
    dataset = CropDataset([str(files), str(other)], corpora=["d"], methods=["real"], split="test", test_mode=True)
    assert dataset.provenance()["corpora"] == {"d": 12} and dataset.class_counts() == {0: 12, 1: 0}
    with pytest.raises(DataError, match="only real crops"):
        CropDataset(files, methods=["real"])
    with pytest.raises(DataError, match="Did you mean 'swap'"):
        CropDataset(files, methods=["swop"])


def test_limit_keeps_whole_videos_of_both_classes(files):
    dataset = CropDataset(files, limit=2)
    assert dataset.class_counts() == {0: 6, 1: 6} and dataset.provenance()["videos"] == 2


def test_tracks_of_a_video_lie_behind_one_another(tmp_path):
    rows = [clip("c/a", "train", 0, crops=4), clip("c/b", "train", 1), clip("c/t", "test", 1)]
    for row, (track, position) in zip(rows[0], [(0, 0), (1, 0), (0, 1), (1, 1)], strict=True):
        row |= {"track": track, "position": position}
    dataset = CropDataset(write_crops(tmp_path, *rows))
    assert drawn(dataset)[:4] == ["c/a#000", "c/a#002", "c/a#001", "c/a#003"]


def test_unlabelled_videos_are_predicted_and_not_trained_on(tmp_path):
    rows = [clip("c/a", "train", 0), clip("c/b", "train", 1), clip("c/h", "train", -1), clip("c/t", "test", -1)]
    root = write_crops(tmp_path, *rows)
    dataset = CropDataset(root)
    assert dataset.class_counts() == {0: 6, 1: 6} and len(dataset) == 12
    hidden = CropDataset(root, split="test", test_mode=True)
    assert {sample.label for sample in whole(hidden)["data_samples"]} == {None}
    assert set(hidden.labels().tolist()) == {-1}


def test_splits_have_the_names_that_corpora_give_them(tmp_path):
    root = write_crops(tmp_path, clip("c/a", "train", 0), clip("c/b", "dev", 1), clip("c/u", None, 1))
    assert len(CropDataset(root, split="val", test_mode=True)) == 6
    assert len(CropDataset(root, split=None, test_mode=True)) == 18
    with pytest.raises(DataError, match="no crops that can be used"):
        CropDataset(root, split="test", test_mode=True)


def test_what_cannot_be_is_refused(tmp_path, files):
    with pytest.raises(DataError) as caught:
        CropDataset()
    for way in ("data_root", "--data-root", "ZOO_DATA_ROOT", "preprocess.py"):
        assert way in caught.value.next_step
    with pytest.raises(ConfigError, match="frames_per_video"):
        CropDataset(files, frames_per_video=0)
    with pytest.raises(ConfigError, match="TemporalJitter is no transform of pictures"):
        CropDataset(files, transforms=[{"type": "TemporalJitter"}])
    with pytest.raises(DataError, match="12 videos are in two manifests"):
        CropDataset([files, files], test_mode=True)
    with pytest.raises(DataError, match="No such manifest"):
        CropDataset(tmp_path)
    with pytest.raises(IndexError):
        CropDataset(files)[24]


def test_crops_of_different_sizes_are_refused(tmp_path, files):
    dataset = CropDataset(files, split="test", test_mode=True)
    small = dataset[0]
    small["inputs"]["image"] = small["inputs"]["image"][:, :4, :4]
    with pytest.raises(DataError, match="different sizes"):
        collate_crops([dataset[1], small])


@pytest.mark.parametrize("size", [5, SIZE, 21])
def test_crops_are_resized_when_they_are_read(root, size):
    dataset = CropDataset(root, split="test", test_mode=True, image_size=size)
    images = whole(dataset)["inputs"]["image"]
    assert images.shape == (24, 3, size, size) and dataset.provenance()["image_size"] == size
    plain = whole(CropDataset(root, split="test", test_mode=True))["inputs"]["image"]
    means = [batch.double().mean(dim=(2, 3)) for batch in (images, plain)]
    torch.testing.assert_close(*means, atol=2.0, rtol=0)
    assert torch.equal(images, plain) == (size == SIZE)


def test_manifests_of_several_sizes_need_an_image_size(tmp_path, files):
    other = write_crops(tmp_path, *corpus("d"))
    write_manifest(tmp_path / "manifest.parquet", read_manifest(tmp_path).table, provenance={"image_size": 9})
    roots = [str(files), str(other)]
    with pytest.raises(DataError, match="different sizes: 8, 9") as caught:
        CropDataset(roots, test_mode=True)
    assert "image_size" in caught.value.next_step
    dataset = CropDataset(roots, test_mode=True, image_size=6)
    assert whole(dataset)["inputs"]["image"].shape[2:] == (6, 6)
    with pytest.raises(ConfigError, match="image_size must be at least 1"):
        CropDataset(roots, image_size=0)


def test_a_lost_crop_is_named(tmp_path):
    root = write_crops(tmp_path, *corpus())
    (root / "c/test3/002.png").unlink()
    dataset = CropDataset(root, split="test", test_mode=True)
    with pytest.raises(DataError, match="cannot be read") as caught:
        whole(dataset)
    assert caught.value.where == str(root / "c/test3/002.png") and "c/test3#002" in caught.value.what


def test_provenance_is_plain_and_names_crops_and_split(files, packs):
    told = CropDataset(files).provenance()
    assert json.loads(json.dumps(told)) == told
    assert told["kind"] == "crops" and told["leaks"] == 0 and told["corpora"] == {"c": 24}
    assert told["image_size"] == SIZE
    assert told == CropDataset(packs).provenance()
    assert [len(item) for item in (*told["crop_hashes"], told["split_hash"], *told["split_hashes"])] == [64] * 3


def test_provenance_tells_how_crops_are_made_anew(files, tmp_path):
    told = CropDataset(files).provenance()
    assert told["crops"] == [{"detector": "none", "margin": 0.2, "image_size": SIZE}]
    wide = write_crops(tmp_path / "wide", *corpus("w"), margin=0.5)
    both = CropDataset([files, wide], allow_leaks=True).provenance()
    assert sorted(way["margin"] for way in both["crops"]) == [0.2, 0.5]
    assert [provenance_hash(way) for way in both["crops"]] == both["crop_hashes"]


def test_memory_is_a_few_bytes_a_crop_and_no_object(tmp_path):
    sizes, objects = [], []
    for crops in (1_000, 100_000):
        root = many_rows(tmp_path / str(crops), crops)
        gc.collect()
        before = len(gc.get_objects())
        dataset = CropDataset(root, frames_per_video=4, test_mode=True)
        gc.collect()
        objects.append(len(gc.get_objects()) - before)
        pa.default_memory_pool().release_unused()
        sizes.append(len(pickle.dumps(dataset)) / len(dataset))
        assert len(dataset) == 0.8 * crops
    assert objects[1] < objects[0] + 100
    assert sizes[1] < 120
