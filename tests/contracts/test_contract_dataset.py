"""What every dataset promises to samplers, loaders, detectors and checkpoints."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from part_cases import names

from zoo.registry import REGISTRIES, build
from zoo.structures import FAKE, LABEL_NAMES, REAL, ForgerySample

sys.path.append(str(Path(__file__).parents[1] / "datasets"))


def write_features(root):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for clip in range(6):
            folder = root / split / ("real", "fake")[clip % 2] / f"{split}{clip}"
            folder.mkdir(parents=True)
            for stream in ("visual", "audio"):
                np.savez(folder / f"{stream}_embeddings.npz", embeddings=random.normal(size=(12, 4)).astype("f"))


def write_pictures(root):
    from crop_helpers import corpus, write_crops

    write_crops(root, *corpus(videos=6, splits=("train", "test")))


CASES = {  # writer of data, collate function, arguments of training that draw anew each epoch
    "ClipDataset": (write_pictures, "collate_clips", {"frames": 2}),
    "CropDataset": (write_pictures, "collate_crops", {"frames_per_video": 2}),
    "SelfBlendedCrops": (write_pictures, "collate_crops", {"frames_per_video": 2}),
    "FeatureDataset": (write_features, "collate_features", {"seq_len": 5}),
}


@pytest.fixture(scope="module", params=names("dataset"))
def case(request, tmp_path_factory):
    write, collate, options = CASES[request.param]
    root = tmp_path_factory.mktemp(request.param)
    write(root)
    return {"type": request.param, "data_root": str(root)}, options, REGISTRIES["collate"].get(collate)


@pytest.fixture
def training(case):
    return build("dataset", {**case[0], **case[1], "split": "train"})


@pytest.fixture
def testing(case):
    return build("dataset", {**case[0], "split": "test", "test_mode": True})


def samples(dataset):
    return [dataset[index] for index in range(len(dataset))]


def assert_same(first, second):
    assert first["data_samples"] == second["data_samples"]
    assert first["inputs"].keys() == second["inputs"].keys()
    for name, values in first["inputs"].items():
        assert torch.equal(values, second["inputs"][name])


def test_samples_are_tensors_and_what_is_known_of_them(training, testing):
    for dataset in (training, testing):
        assert len(dataset) > 3
        for sample in samples(dataset):
            assert sample.keys() == {"inputs", "data_samples"}
            assert all(isinstance(value, torch.Tensor) for value in sample["inputs"].values())
            known = sample["data_samples"]
            assert isinstance(known, ForgerySample) and known.status == "ok" and known.fake_logit is None
            assert known.sample_id.startswith(known.video_id) and known.corpus and known.method


def test_labels_are_those_of_the_samples_and_rise(training):
    labels = training.labels()
    assert labels.tolist() == [sample["data_samples"].label for sample in samples(training)]
    assert labels.tolist() == sorted(labels)
    assert training.class_counts() == {label: int((labels == label).sum()) for label in (REAL, FAKE)}


def test_cells_are_those_of_the_samples_in_one_run_each(training, testing):
    for dataset in (training, testing):
        cells = dataset.cells()
        assert cells.sizes.sum() == len(dataset) and len(set(cells.names)) == len(cells) > 1
        for name, members in cells:
            told = [dataset[index]["data_samples"] for index in members]
            assert {(one.corpus, LABEL_NAMES[one.label], one.method) for one in told} == {name}


def test_a_collated_batch_is_its_samples(case, training):
    collate = case[2]
    indices = [3, 0, 2]
    assert_same(collate(training.__getitems__(indices)), collate([training[index] for index in indices]))


def test_training_draws_depend_on_seed_and_epoch_alone(case, training):
    collate = case[2]

    def epoch(number, seed):
        training.set_epoch(number, seed=seed)
        return collate(samples(training))

    def differ(first, second):
        return any(not torch.equal(values, second["inputs"][name]) for name, values in first["inputs"].items())

    assert_same(epoch(4, 1), epoch(4, 1))
    assert differ(epoch(4, 1), epoch(5, 1)) and differ(epoch(4, 1), epoch(4, 2))


def test_evaluation_is_the_same_in_every_epoch_and_each_id_is_unique(case, testing):
    before = case[2](samples(testing))
    testing.set_epoch(9, seed=9)
    assert_same(case[2](samples(testing)), before)
    ids = [sample.sample_id for sample in before["data_samples"]]
    assert len(set(ids)) == len(ids)


def test_a_copy_in_a_worker_gives_the_same(case, training):
    training.set_epoch(2, seed=3)
    assert_same(case[2](samples(pickle.loads(pickle.dumps(training)))), case[2](samples(training)))


def test_provenance_is_plain_and_always_the_same(case, training):
    told = training.provenance()
    assert json.loads(json.dumps(told)) == told
    assert told["kind"] and told["split"] == "train" and told["corpora"]
    assert build("dataset", {**case[0], **case[1], "split": "train"}).provenance() == told


def test_splits_have_nothing_in_common(training, testing):
    videos = [{sample["data_samples"].video_id for sample in samples(dataset)} for dataset in (training, testing)]
    assert all(videos) and not videos[0] & videos[1]
