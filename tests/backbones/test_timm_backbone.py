"""Models of timm: what is trained, what is fetched, and what the mistakes are called."""

import copy

import pytest
import timm
import torch

from zoo.backbones.frequencies.block_dct import BlockDCT
from zoo.backbones.frequency import FrequencyBackbone
from zoo.backbones.timm import TimmBackbone
from zoo.errors import CheckpointError, ConfigError, DataError, MissingDependency

torch.set_num_threads(1)


def backbone(name="test_efficientnet", **options):
    torch.manual_seed(0)
    return TimmBackbone(name=name, **options)


def pixels(count=2, channels=3, side=64):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "width", "position_width", "options"),
    [
        ("test_efficientnet", 256, 256, {}),
        ("mobilenetv3_small_050", 1024, 288, {}),  # a layer after the pooling
        ("test_vit", 64, 64, {"img_size": 64}),  # a class token
        ("test_convnext", 64, 64, {}),
    ],
)
def test_pooled_features_and_positions(name, width, position_width, options):
    pooled = backbone(name, options=options).eval()
    places = backbone(name, pooled=False, options=options).eval()
    assert (pooled.out_channels, places.out_channels) == (width, position_width)
    with torch.no_grad():
        assert pooled(pixels()).shape == (2, 1, width)
        found = places(pixels())
    side = int(found.shape[1] ** 0.5)
    assert found.shape == (2, side * side, position_width)
    assert side > 1


def test_positions_run_row_by_row_and_their_mean_is_what_pools():
    pooled, places = backbone().eval(), backbone(pooled=False).eval()
    with torch.no_grad():
        torch.testing.assert_close(places(pixels()).mean(dim=1), pooled(pixels())[:, 0], atol=1e-5, rtol=1e-4)
        wide = places.trunk.forward_features(pixels(side=96))
        torch.testing.assert_close(places(pixels(side=96))[:, 1], wide[:, :, 0, 1])


def test_mean_and_deviation_are_those_of_the_trained_model():
    assert backbone().mean == (0.485, 0.456, 0.406)
    assert backbone("test_resnet").std == (0.5, 0.5, 0.5)
    assert backbone(in_channels=5).mean == (0.0,) * 5
    assert backbone(in_channels=5)(pixels(channels=5)).shape == (2, 1, 256)


@pytest.mark.parametrize("stages", [1, 3, 6])
def test_frozen_stages_stay_as_they_are(stages):
    model = backbone(frozen_stages=stages, drop_path_rate=0.5).train()
    before = copy.deepcopy(model.state_dict())
    assert any(not parameter.requires_grad for parameter in model.parameters())
    if any(parameter.requires_grad for parameter in model.parameters()):
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
        model(pixels()).square().sum().backward()
        optimizer.step()
    else:
        model(pixels())
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    still = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert still and not changed & still
    assert all(name.startswith(("trunk.blocks", "trunk.conv_head", "trunk.bn2")) for name in changed)
    assert bool(changed) == (stages < 6)
    if stages == 3:
        assert not [name for name in changed if name.startswith(("trunk.bn1", "trunk.blocks.0", "trunk.blocks.1"))]
        assert [name for name in changed if name.startswith("trunk.blocks.2") and "running_mean" in name]


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet"])
def test_recomputing_activations_gives_the_same_gradients(name):
    plain, frugal = backbone(name), backbone(name, gradient_checkpointing=True)
    for model in (plain, frugal):
        model(pixels()).square().sum().backward()  # the pixels need no gradient
    wanted = dict(plain.named_parameters())
    for key, parameter in frugal.named_parameters():
        assert parameter.grad is not None, key
        torch.testing.assert_close(parameter.grad, wanted[key].grad, atol=1e-4, rtol=1e-4)


def test_recomputing_keeps_fewer_activations():
    def kept(model):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            model(pixels())
        return sum(sizes)

    assert kept(backbone(gradient_checkpointing=True)) < 0.6 * kept(backbone())


def test_building_fetches_nothing_and_fetching_offline_is_one_clear_error(monkeypatch):
    model = backbone(pretrained=True)

    def offline(*_, **__):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr("timm.create_model", offline)
    with pytest.raises(MissingDependency, match="could not be fetched: Name or service not known") as caught:
        model.fetch_weights()
    assert "test_efficientnet" in str(caught.value.where)
    assert "pretrained=False" in caught.value.next_step and "huggingface.co" in caught.value.next_step


def test_trained_weights_come_from_timm_with_the_same_arguments(monkeypatch):
    model = backbone(pretrained=True, in_channels=4)
    create, asked = timm.create_model, {}

    def fetched(name, *, pretrained, **options):
        asked.update(name=name, pretrained=pretrained, **options)
        torch.manual_seed(7)
        return create(name, **options)

    monkeypatch.setattr("timm.create_model", fetched)
    model.fetch_weights()
    assert asked["pretrained"] is True and asked["in_chans"] == 4 and asked["num_classes"] == 0
    torch.manual_seed(7)
    expected = create("test_efficientnet", num_classes=0, in_chans=4).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.trunk.state_dict().items())


def test_weights_of_a_file_with_a_classifier_are_adapted(tmp_path):
    torch.manual_seed(3)
    trained = timm.create_model("test_efficientnet")
    torch.save(trained.state_dict(), tmp_path / "weights.pth")
    model = backbone(weights=str(tmp_path / "weights.pth"), in_channels=6)
    model.fetch_weights()
    assert torch.equal(model.trunk.blocks[1][0].conv_pwl.weight, trained.blocks[1][0].conv_pwl.weight)
    stem = trained.conv_stem.weight
    torch.testing.assert_close(model.trunk.conv_stem.weight, torch.cat((stem, stem), dim=1) / 2)


def test_weights_of_another_model_are_refused(tmp_path):
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="do not fit test_efficientnet"):
        backbone(weights=str(tmp_path / "other.pth")).fetch_weights()
    with pytest.raises(CheckpointError, match="Cannot read"):
        backbone(weights=str(tmp_path / "absent.pth")).fetch_weights()


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="Did you mean 'efficientnet_b4'"):
        backbone("efficientnet_b_4")
    with pytest.raises(ConfigError, match="refuses its arguments"):
        backbone("legacy_xception", drop_path_rate=0.1)
    with pytest.raises(ConfigError, match="no gradient checkpointing"):
        backbone("legacy_xception", gradient_checkpointing=True)
    with pytest.raises(ConfigError, match="frozen_stages must lie in 0 to 6, not 7"):
        backbone(frozen_stages=7)
    with pytest.raises(DataError, match="are 64 x 64 pixels; the model takes 224 x 224") as caught:
        backbone("vit_tiny_patch16_224")(pixels())
    assert "image_size=224" in caught.value.next_step
    with pytest.raises(DataError, match="have 3 channels; the backbone takes 4"):
        backbone(in_channels=4)(pixels())


def frequency(**options):
    return FrequencyBackbone(transform=BlockDCT(stride=1), backbone=backbone(in_channels=6, **options))


def test_what_a_frequency_backbone_sees_is_standardised():
    model, seen = frequency(), []
    model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(pixels(count=4).contiguous(memory_format=torch.channels_last))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(seen[0].mean(dim=(0, 2, 3)), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(seen[0].std(dim=(0, 2, 3)), torch.ones(6), atol=1e-2, rtol=0)


def test_the_transform_is_exact_under_autocast():
    model, seen = frequency().eval(), []
    model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model(pixels())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model(pixels())
    assert seen[1].dtype == torch.float32
    assert torch.equal(seen[0], seen[1])


def test_channels_that_do_not_meet_are_named():
    with pytest.raises(ConfigError, match="gives 6 channels, the backbone takes 3") as caught:
        FrequencyBackbone(transform=BlockDCT(), backbone=backbone())
    assert "in_channels=6" in caught.value.next_step
