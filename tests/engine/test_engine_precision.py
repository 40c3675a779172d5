"""Policies of precision: which layers compute in what, in which layout, and that nothing else changes."""

import copy

import pytest
import timm
import torch
from torch import nn
from toy_parts import toy_config

from zoo.config import find_mistakes
from zoo.engine.activation_checkpoint import checkpoint_activations
from zoo.engine.checkpoint import publish, read_checkpoint, read_published
from zoo.engine.optim import PrecisionOptimWrapper
from zoo.engine.precision import PrecisionPolicy, is_slow_in_bf16, precision_policy
from zoo.engine.runner import ZooRunner
from zoo.errors import ConfigError
from zoo.registry import REGISTRIES, build
from zoo.structures import ForgerySample

torch.set_num_threads(1)


def block(width=8):
    """A dense, a fast and two slow depthwise convolutions, and a linear layer."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.Conv2d(width, width, 3, padding=1, groups=width),
        nn.SiLU(),
        nn.Conv2d(width, width, 5, padding=2, groups=width),
        nn.SiLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width),
        nn.Flatten(),
        nn.Linear(width * 64, 1),
    )


SLOW = ["4", "6"]


def pictures(count=6):
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def step(model, policy, *, checkpointed=()):
    """Gradients of one batch, and the number format that each layer computed in."""
    model = copy.deepcopy(model)
    policy.prepare(model)
    wrapper = PrecisionOptimWrapper(torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True), precision=policy)
    if checkpointed:
        checkpoint_activations(model, checkpointed)
    formats = {}

    def note(name):
        def hook(_module, _inputs, output):
            formats[name] = output.dtype

        return hook

    for name, module in model.named_modules():
        if name:
            module.register_forward_hook(note(name))
    with wrapper.optim_context(model):
        logits = model(pictures()).squeeze(1)
    loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), torch.tensor([0.0, 1.0] * 3))
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}, formats, model


@pytest.mark.parametrize(
    ("name", "kept"),
    [("efficientnet_b4", 20), ("legacy_xception", 0), ("resnet34", 0), ("mobilenetv3_small_050", 10)],
)
def test_what_stays_in_float32_follows_from_what_a_model_contains(name, kept):
    with torch.device("meta"):
        model = timm.create_model(name)
    slow = [module for module in model.modules() if is_slow_in_bf16(module)]
    assert len(slow) == kept
    assert all(module.groups == module.in_channels > 1 for module in slow)


def test_slow_layers_compute_in_float32_and_all_others_in_bf16():
    policy = PrecisionPolicy(autocast="bf16")
    _, formats, _ = step(block(), policy)
    assert {name for name, dtype in formats.items() if dtype == torch.float32} >= set(SLOW)
    assert formats["0"] == formats["2"] == formats["8"] == torch.bfloat16
    assert PrecisionPolicy(autocast="bf16").prepare(block()) == SLOW
    assert PrecisionPolicy(autocast="fp32").prepare(block()) == []


@pytest.mark.parametrize(
    ("keep", "kept"), [((), []), (("8",), ["8"]), (("slow", "0"), ["0", *SLOW]), (("[02]",), ["0", "2"])]
)
def test_what_stays_in_float32_can_be_said(keep, kept):
    policy = PrecisionPolicy(autocast="bf16", keep_fp32=keep)
    assert policy.prepare(block()) == kept
    _, formats, _ = step(block(), policy)
    convolutions = {name for name in formats if name in ("0", "2", "4", "6", "8")}
    assert {name for name in convolutions if formats[name] == torch.float32} == set(kept)


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ConfigError, match="No submodule 'stem' to keep in float32"):
        PrecisionPolicy(keep_fp32=("stem",)).prepare(block())
    with pytest.raises(ConfigError, match="No precision 'fp8'"):
        PrecisionPolicy(autocast="fp8")


def test_gradients_in_bf16_are_close_to_those_in_float32():
    exact, _, _ = step(block(), precision_policy("fp32"))
    rough, _, _ = step(block(), PrecisionPolicy(autocast="bf16"))
    together = [torch.cat([gradient.flatten() for gradient in each.values()]) for each in (exact, rough)]
    assert (together[1] - together[0]).norm() < 0.02 * together[0].norm()
    for name, gradient in exact.items():
        assert rough[name].dtype == torch.float32
        assert (rough[name] - gradient).norm() < 0.1 * gradient.norm(), name  # a bias sums what nearly cancels
        assert not torch.equal(rough[name], gradient), name


def test_activation_checkpointing_changes_no_gradient():
    policy = PrecisionPolicy(autocast="bf16")
    plain, _, _ = step(block(), policy)
    recomputed, _, _ = step(block(), policy, checkpointed=("4", "6"))
    for name, gradient in plain.items():
        assert torch.equal(recomputed[name], gradient), name


def test_the_plain_way_is_the_plain_way():
    model = block()
    gradients, formats, prepared = step(model, precision_policy("fp32"))
    loss = nn.functional.binary_cross_entropy_with_logits(model(pictures()).squeeze(1), torch.tensor([0.0, 1.0] * 3))
    loss.backward()
    assert set(formats.values()) == {torch.float32}
    for name, p in model.named_parameters():
        assert torch.equal(gradients[name], p.grad), name
        assert prepared.get_parameter(name).stride() == p.stride()


def test_preparing_changes_nothing_without_an_autocast_and_can_be_undone():
    model = block().eval()
    before = model(pictures())
    names = list(model.state_dict())
    policy = PrecisionPolicy(autocast="bf16")
    for _ in range(2):
        policy.prepare(model)
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last) and not model[0].weight.is_contiguous()
    assert list(model.state_dict()) == names
    torch.testing.assert_close(model(pictures()), before)
    torch.testing.assert_close(copy.deepcopy(model)(pictures()), before)
    precision_policy("fp32").prepare(model)
    assert all("forward" not in module.__dict__ for module in model.modules())
    assert torch.equal(model(pictures()), before)


def test_a_state_saved_in_one_layout_goes_on_in_another():
    def wrapped(policy, model):
        policy.prepare(model)
        return PrecisionOptimWrapper(torch.optim.AdamW(model.parameters(), lr=0.01, fused=True), precision=policy)

    def train(model, wrapper):
        with wrapper.optim_context(model):
            loss = model(pictures()).square().mean()
        wrapper.update_params(loss)

    first = block()
    plain = wrapped(precision_policy("fp32"), first)
    train(first, plain)
    second = copy.deepcopy(first)
    lasting = wrapped(PrecisionPolicy(autocast="fp32"), second)
    lasting.load_state_dict(copy.deepcopy(plain.state_dict()))
    train(first, plain)
    train(second, lasting)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-3)


def picture_run(work_dir, **options):
    """A run of 4 iterations an epoch on a detector of pictures with slow layers."""
    model = {
        "type": "ImageDetector",
        "backbone": {"type": "TimmBackbone", "name": "test_efficientnet"},
        "head": {"type": "ClassificationHead", "in_channels": 256},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    }
    config = toy_config(work_dir, hooks={"ema": {"type": "ExponentialMovingAverage"}})
    loader = {"batch_size": 4, "num_workers": 0, "collate_fn": {"type": "collate_crops"}}
    for stage in ("train", "val"):
        config[f"{stage}_dataloader"] |= loader | {"dataset": {"type": "ToyPictures"}}
    config |= {"model": model, "optim_wrapper": config["optim_wrapper"] | options}
    return config


@REGISTRIES["dataset"].register_module(name="ToyPictures", force=True)
class PictureDataset(torch.utils.data.Dataset):
    """Sixteen pictures of noise, the fakes brighter."""

    provenance = {"corpus": "noise", "sha256": "0" * 64}  # noqa: RUF012

    def __len__(self):
        return 16

    def __getitem__(self, index):
        sample = ForgerySample(sample_id=str(index), video_id=str(index), corpus="noise", method="", label=index % 2)
        noise = torch.randint(0, 128, (3, 32, 32), generator=torch.Generator().manual_seed(index), dtype=torch.uint8)
        return {"inputs": {"image": noise + 100 * (index % 2)}, "data_samples": sample}


BF16 = {"precision": {"autocast": "bf16"}}


def test_a_run_in_bf16_saves_plain_weights_and_resumes_to_the_bit(tmp_path):
    whole = ZooRunner.from_cfg(picture_run(tmp_path / "whole", **BF16))
    convolution = whole.bare_model.backbone.trunk.conv_stem.weight
    assert not convolution.is_contiguous() and convolution.is_contiguous(memory_format=torch.channels_last)
    whole.train()
    first = ZooRunner.from_cfg(
        picture_run(tmp_path / "parts", **BF16) | {"train_cfg": {"max_epochs": 3, "max_iters": 6}}
    )
    first.train()
    second = ZooRunner.from_cfg(picture_run(tmp_path / "parts", **BF16) | {"resume": "auto"})
    second.train()
    ours, theirs = (read_checkpoint(runner.last_saved) for runner in (second, whole))
    for key in ("state_dict", "ema_state_dict"):
        for name, tensor in theirs[key].items():
            assert torch.equal(ours[key][name], tensor), name
            assert tensor.is_contiguous() and tensor.dtype in (torch.float32, torch.int64), name
    for number, values in theirs["optimizer"]["state"].items():
        for name, value in values.items():
            assert torch.equal(ours["optimizer"]["state"][number][name], value)
    published = read_published(publish(whole.last_saved, tmp_path / "published.safetensors"))
    model = build("detector", published["architecture"])
    model.load_state_dict(published["state_dict"])


def test_a_policy_is_checked_with_the_config(tmp_path):
    good = picture_run(tmp_path, precision={"autocast": "bf16", "keep_fp32": ["head"]})
    good["optim_wrapper"]["type"] = "PrecisionOptimWrapper"
    assert not [line for line in find_mistakes(good) if "precision" in line]
    bad = good | {"optim_wrapper": {**good["optim_wrapper"], "precision": {"autocats": "bf16"}}}
    assert any("precision.autocats" in line and "autocast" in line for line in find_mistakes(bad))
    assert isinstance(build("precision", {"type": "PrecisionPolicy"}), PrecisionPolicy)
