"""Detectors of pictures: their size, the form of their batches, runs and published weights."""

import copy

import pytest
import torch
from mmengine.config import Config
from published_parts import published

import zoo
from zoo.config import find_mistakes
from zoo.errors import CheckpointError, ConfigError, DataError
from zoo.plugins import catalog
from zoo.registry import build
from zoo.structures import ForgerySample

torch.set_num_threads(1)

MODELS = catalog().config_dirs["zoo"] / "_base_" / "models"


SMALL = {  # two branches of 0.1 M parameters
    "rgb.name": "test_efficientnet",
    "rgb.pretrained": False,
    "rgb_projection.in_channels": 256,
    "frequency.transform.stride": 1,
}


def model_config(name, **overrides):
    config = Config.fromfile(MODELS / f"{name}.py")
    small = SMALL if name == "dualbranch_tiny" else {}
    config.merge_from_dict({f"model.{key}": value for key, value in (small | overrides).items()})
    assert find_mistakes(config) == []
    return config.model.to_dict()


def tiny(**overrides):
    torch.manual_seed(0)
    return build("detector", model_config("dualbranch_tiny", **overrides))


def batch(side=64, count=6):
    """Grey real pictures, and fakes that carry a fine pattern."""
    generator = torch.Generator().manual_seed(1)
    pixels = 110 + 20 * torch.rand(count, 3, side, side, generator=generator)
    checks = (torch.arange(side)[:, None] + torch.arange(side)) % 2
    pixels[1::2] += 30 * checks
    images = pixels.to(torch.uint8).contiguous(memory_format=torch.channels_last)
    samples = [
        ForgerySample(sample_id=f"s{i}", video_id=f"v{i}", corpus="synthetic", method="m", label=i % 2)
        for i in range(count)
    ]
    return {"image": images}, samples


CONCAT, GATED = {"type": "ConcatFusion", "in_channels": 1280}, {"type": "GatedFusion", "channels": 1280}


@pytest.mark.parametrize(
    ("transform", "in_channels", "fusion"),
    [("BlockDCT", 6, CONCAT), ("BlockDCT", 6, GATED), ("SRMResiduals", 9, CONCAT), ("LogAmplitude", 3, GATED)],
)
def test_the_default_has_43_6_million_parameters(transform, in_channels, fusion):
    config = model_config("dualbranch_b4")
    config["fusion"] = fusion
    config["frequency"]["transform"] = {"type": transform}
    config["frequency"]["backbone"]["in_channels"] = in_channels
    with torch.device("meta"):
        model = build("detector", config)
    assert abs(sum(parameter.numel() for parameter in model.parameters()) - 43_600_000) < 100_000
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_each_branch_gets_pixels_by_its_own_mean_and_deviation():
    model, seen = tiny(), {}
    for name in ("rgb", "frequency"):
        getattr(model, name).register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0]}))
    inputs, _ = batch()
    model(inputs)
    exact = inputs["image"].float() / 255
    torch.testing.assert_close(seen["frequency"], exact)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen["rgb"], (exact - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    for pixels in seen.values():
        assert pixels.is_contiguous(memory_format=torch.channels_last)


def test_floating_pixels_in_the_same_range_are_the_same_and_get_gradients():
    model = tiny().eval()
    inputs, _ = batch()
    pixels = inputs["image"].float().requires_grad_()
    logits = model({"image": pixels})
    torch.testing.assert_close(logits, model(inputs))
    logits.sum().backward()
    assert pixels.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(2, 1, 64, 64), (2, 64, 64, 3), (3, 64, 64)])
def test_batches_of_another_form_are_named(shape):
    with pytest.raises(DataError, match=r"A batch of pictures is \[b, 3, h, w\], not"):
        tiny()({"image": torch.zeros(shape, dtype=torch.uint8)})


def test_predictions_of_pictures_have_no_timeline():
    inputs, samples = batch()
    with torch.no_grad():
        filled = tiny().eval()(inputs, samples, mode="predict")
    assert all(sample.frame_logits is None and isinstance(sample.fake_logit, float) for sample in filled)


def test_evaluation_is_deterministic_and_channels_last_changes_nothing():
    model = tiny().eval()
    inputs, _ = batch()
    with torch.no_grad():
        first = model(inputs)
        assert torch.equal(model(inputs), first)
        lasting = copy.deepcopy(model).to(memory_format=torch.channels_last)
        torch.testing.assert_close(lasting(inputs), first, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(model({"image": inputs["image"].contiguous()}), first, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "fusion",
    [
        {"type": "GatedFusion", "channels": 64},
        {"type": "CrossAttentionFusion", "channels": 64, "num_heads": 4},
    ],
)
def test_positions_can_be_fused_in_place_of_pooled_features(fusion):
    config = model_config("dualbranch_tiny", **{"rgb.pooled": False, "frequency.backbone.pooled": False})
    config["fusion"] = fusion
    config["frequency"]["transform"] = {"type": "SRMResiduals"}
    config["frequency"]["backbone"]["in_channels"] = 9
    model = build("detector", config)
    inputs, samples = batch(side=96)
    total, _ = model.parse_losses(model(inputs, samples, mode="loss"))
    total.backward()
    assert not [name for name, parameter in model.named_parameters() if parameter.grad is None]
    config["frequency"]["transform"] = {"type": "BlockDCT", "stride": 2}
    config["frequency"]["backbone"]["in_channels"] = 6
    with pytest.raises(DataError, match="branches see 9 and 4 positions"):
        build("detector", config)(inputs)


def test_a_few_steps_tell_a_pattern_apart():
    model = tiny()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    inputs, samples = batch(count=8)
    losses = []
    for _ in range(12):
        total, _ = model.parse_losses(model(inputs, samples, mode="loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(float(total.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_published_weights_come_back_without_fetching_any(tmp_path, monkeypatch, suffix):
    config = model_config("dualbranch_tiny", **{"rgb.pretrained": True})
    model = build("detector", config)
    inputs, samples = batch()
    model(inputs, samples, mode="loss")  # statistics of batch norms other than at the start
    path = published(model, config, tmp_path / f"dual{suffix}")
    monkeypatch.setattr(type(model.rgb), "fetch_weights", lambda _: pytest.fail("weights were fetched"))
    with torch.no_grad():
        expected = model.eval()(inputs)
        assert torch.equal(zoo.load_model(path)(inputs), expected)
        again = zoo.create_model(config, checkpoint=path, **{"rgb.pretrained": False, "rgb.drop_path_rate": 0.1})
        assert torch.equal(again.eval()(inputs), expected)
    with pytest.raises(CheckpointError, match=r"model\.frequency\.transform\.stride is 1 in the checkpoint"):
        zoo.create_model(config, checkpoint=path, **{"frequency.transform.stride": 2})


def test_fetching_reaches_every_backbone(monkeypatch):
    model, fetched = tiny(), []
    monkeypatch.setattr(type(model.rgb), "fetch_weights", lambda self: fetched.append(self))
    model.fetch_weights()
    assert fetched == [model.rgb, model.frequency.backbone]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"rgb_projection.in_channels": 255}, "rgb gives 256 channels, rgb_projection takes 255"),
        ({"frequency_projection.out_channels": 32}, "frequency_projection gives 32 channels, fusion takes 64"),
        ({"head.in_channels": 32}, "fusion gives 64 channels, head takes 32"),
        ({"loss": {"type": "InfoNCELoss", "_delete_": True}}, "detector of pictures has no"),
    ],
)
def test_parts_that_do_not_fit_are_named(overrides, words):
    with pytest.raises(ConfigError, match=words):
        tiny(**overrides)
