"""Transforms of pictures: operations of albumentations and the presets made of them."""

import pickle
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from zoo.config import load_config
from zoo.datasets.transforms.albumentation import Albumentations
from zoo.datasets.transforms.presets import PRESETS, AugmentationPreset
from zoo.errors import ConfigError

EVERY = {"op": "Rotate", "limit": 15, "p": 1.0}


def picture(seed=0, size=48):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def applied(transform, image, *key):
    return transform({"image": image}, np.random.default_rng(key))["image"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_keeps_size_and_type_and_its_input(name):
    transform, image = AugmentationPreset(name=name), picture()
    before = image.copy()
    results = [applied(transform, image, 0, index) for index in range(60)]
    assert {(result.shape, result.dtype) for result in results} == {(image.shape, image.dtype)}
    np.testing.assert_array_equal(image, before)
    different = {result.tobytes() for result in results}
    assert len(different) == 1 if name == "none" else len(different) > 40


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "none"])
def test_a_result_depends_on_the_generator_alone(name):
    first, second = AugmentationPreset(name=name), AugmentationPreset(name=name)
    images = [picture(seed) for seed in range(40)]
    forwards = [applied(first, image, 5, index) for index, image in enumerate(images)]
    for module in (random, np.random):
        module.seed(1)
    backwards = [applied(second, images[index], 5, index) for index in reversed(range(40))][::-1]
    copied = pickle.loads(pickle.dumps(first))
    copies = [applied(copied, image, 5, index) for index, image in enumerate(images)]
    for one, other, third in zip(forwards, backwards, copies, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)


def test_operations_of_every_level_draw_from_the_generator():
    nested = [{"op": "OneOf", "p": 1.0, "transforms": [EVERY, {"op": "GaussNoise", "p": 1.0}]}]
    first, second = Albumentations(ops=nested), Albumentations(ops=nested)
    image = picture()
    for index in range(20):
        np.testing.assert_array_equal(applied(first, image, 1, index), applied(second, image, 1, index))
        assert applied(first, image, 2, index).tobytes() != applied(first, image, 3, index).tobytes()


def test_the_guide_flips_turns_and_compresses_every_other_picture():
    flat = np.full((32, 32, 3), 90, np.uint8)
    flat[:, :16] = (200, 40, 40)
    flips = [applied(Albumentations(ops=PRESETS["guide"][:1]), flat, 0, index)[5, 5, 0] == 90 for index in range(400)]
    assert 150 < sum(flips) < 250
    turned = [applied(Albumentations(ops=PRESETS["guide"][1:2]), flat, 0, index) for index in range(400)]
    assert 150 < sum((image != flat).any() for image in turned) < 250
    assert [dict(op)["quality_range"] for op in PRESETS["guide"][2:]] == [(60, 100)]
    small = Albumentations(ops=[{"op": "ImageCompression", "quality_range": (60, 60), "p": 1.0}])
    again = cv2.imdecode(cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(applied(small, picture(), 0), again)


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([{"op": "Rotat", "limit": 15}], "no operation 'Rotat'. Did you mean 'Rotate'"),
        ([{"limit": 15}], r"no operation named by 'op' in \['limit'\]"),
        ([{"op": "KeypointParams"}], "no operation 'KeypointParams'"),
        ([{"op": "ImageCompression", "quality_lower": 60}], "quality_lower"),
        ([{"op": "Rotate", "limit": "wide"}], "Rotate refuses its arguments"),
        ([{"op": "OneOf", "transforms": [EVERY, {"op": "Blurr"}]}], "Blurr"),
        ([{"op": "OneOf", "transform": [EVERY]}], "OneOf refuses its arguments"),
    ],
)
def test_mistakes_are_config_errors(ops, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Albumentations(ops=ops)
    assert caught.value.where.startswith("Albumentations.ops.0")


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(ConfigError, match=r"'strang'\. Did you mean 'strong'") as caught:
        AugmentationPreset(name="strang")
    assert "none, guide, strong" in caught.value.next_step


def test_pictures_must_stay_bytes():
    with pytest.raises(ConfigError, match="float32; it must stay uint8"):
        applied(Albumentations(ops=[{"op": "Normalize"}]), picture(), 0)


def test_one_override_chooses_another_preset(tmp_path):
    path = tmp_path / "crops.py"
    path.write_text('_base_ = ["zoo::_base_/models/dualbranch_tiny.py", "zoo::_base_/pictures.py"]\n')
    config = load_config(path, ["train_dataloader.dataset.transforms.0.name=strong"])
    assert config.train_dataloader.dataset.transforms == [{"type": "AugmentationPreset", "name": "strong"}]
    with pytest.raises(ConfigError, match="names"):
        load_config(path, ["train_dataloader.dataset.transforms.0.names=strong"])


def test_albumentations_is_imported_when_it_is_needed_and_asks_no_network():
    script = (
        "import os, sys, urllib.request as web\n"
        "web.OpenerDirector.open = lambda *args, **options: sys.exit('asked the network')\n"
        "import zoo.datasets.crops, zoo.datasets.transforms.presets as presets\n"
        "assert 'albumentations' not in sys.modules\n"
        "presets.AugmentationPreset()\n"
        "assert 'albumentations' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
