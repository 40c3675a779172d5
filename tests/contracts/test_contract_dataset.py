"""Every built-in dataset keeps the promises of its kind."""

import sys
from pathlib import Path

import numpy as np
import pytest
from part_cases import names

from zoo.testing import component, dataset
from zoo.testing.dataset import DatasetCase

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


CONFIGS = {  # writer of data, collate function, arguments of training that draw anew each epoch
    "ClipDataset": (write_pictures, "collate_clips", {"frames": 2}),
    "CropDataset": (write_pictures, "collate_crops", {"frames_per_video": 2}),
    "SelfBlendedCrops": (write_pictures, "collate_crops", {"frames_per_video": 2}),
    "FeatureDataset": (write_features, "collate_features", {"seq_len": 5}),
    "ForeignSoundDataset": (write_features, "collate_features", {"seq_len": 5}),
}


@pytest.fixture(scope="module", params=names("dataset"))
def case(request, tmp_path_factory):
    write, collate, training = CONFIGS[request.param]
    root = tmp_path_factory.mktemp(request.param)
    write(root)
    return DatasetCase(component=request.param, config={"data_root": str(root)}, collate=collate, training=training)


@pytest.mark.parametrize("check", dataset.CHECKS)
def test_promise_is_kept(case, check):
    check(case)


@pytest.mark.parametrize("check", [*component.STATIC_CHECKS, *component.CHECKS])
def test_promise_of_any_component_is_kept(case, check):
    check(case.with_config(split="train"))
