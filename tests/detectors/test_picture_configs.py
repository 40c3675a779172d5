"""Every config of single pictures: built whole, and trained and published at a small size."""

import pytest
import torch
from published_parts import published

from zoo import load_model
from zoo.config import load_config
from zoo.engine.parameter_groups import parameter_groups
from zoo.plugins import catalog
from zoo.registry import build
from zoo.structures import ForgerySample

torch.set_num_threads(1)

SIDE = 64
PICTURES = {"ImageDetector", "DualBranchDetector"}
FOLDER = catalog().config_dirs["zoo"]
CONFIGS = sorted(
    path.stem for path in FOLDER.glob("*.py") if load_config(path.stem).get("model", {}).get("type") in PICTURES
)
MILLIONS = {
    "clip_vit_ln": 86.2,
    "clip_vit_lora": 86.6,
    "dualbranch_b4_ffpp": 43.6,
    "efficientnet_b4": 18.5,
    "efficientnet_lite0": 4.0,
    "f3net": 46.0,
    "resnet34": 21.5,
    "spsl": 21.9,
    "srm": 46.0,
    "xception": 21.9,
}
TRAINED = {"clip_vit_ln": 0.43, "clip_vit_lora": 0.84}
TWINS = {"vit_base_patch16_clip_224.openai": ("test_vit", 64), "efficientnet_b4": ("test_efficientnet", 256)}


def shrunk(config):
    """``config`` with small twins of the networks that take long, and the widths that follow."""
    if isinstance(config, dict):
        config = {key: shrunk(value) for key, value in config.items()}
        if config.get("name") in TWINS:
            config["name"], _ = TWINS[config["name"]]
            if config["name"] == "test_vit":
                config["options"] = {"img_size": SIDE}
        return config
    return config


def width_of(backbone):
    inner = backbone.get("backbone", backbone)
    return {"test_vit": 64, "test_efficientnet": 256}.get(inner["name"])


def small_model(name):
    config = shrunk(load_config(name).model.to_dict())
    if config["type"] == "ImageDetector":
        config["head"]["in_channels"] = width_of(config["backbone"]) or config["head"]["in_channels"]
    else:
        for branch in ("rgb", "frequency"):
            link = config[f"{branch}_projection"]
            link["in_channels"] = width_of(config[branch]) or link["in_channels"]
    return config


def batch(count=4):
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (count, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    samples = [
        ForgerySample(sample_id=f"s{i}", video_id=f"v{i}", corpus="synthetic", method="m", label=i % 2)
        for i in range(count)
    ]
    return {"image": images}, samples


def test_there_is_a_config_for_each_figure():
    assert set(MILLIONS) <= set(CONFIGS)


@pytest.mark.parametrize("name", sorted(MILLIONS))
def test_whole_models_have_the_size_they_should(name):
    with torch.device("meta"):
        model = build("detector", load_config(name).model)
    count = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) / 1e6
    assert count == pytest.approx(MILLIONS[name], abs=0.15)
    assert trained == pytest.approx(TRAINED.get(name, count), abs=0.15)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_trained_parameter_gets_a_gradient_and_published_weights_come_back(name, tmp_path):
    torch.manual_seed(0)
    config = small_model(name)
    model = build("detector", config).train()
    inputs, samples = batch()
    total, _ = model.parse_losses(model(inputs, samples, mode="loss"))
    total.backward()
    assert total.isfinite()
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad}
    assert trained and not [key for key, parameter in trained.items() if parameter.grad is None]
    groups = parameter_groups(model, lr=1e-3, weight_decay=0.01, layer_decay=0.8)
    assert sum(len(group["params"]) for group in groups) == len(trained)
    with torch.no_grad():  # leave the zeros that sums of low rank begin with
        for parameter in trained.values():
            parameter += 1e-3 * torch.randn_like(parameter)
    path = published(model, config, tmp_path / "model.pth")
    with torch.no_grad():
        assert torch.equal(load_model(path)(inputs), model.eval()(inputs))
