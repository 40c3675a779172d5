"""Backbones of which few parameters are trained."""

import pytest
import timm
import torch

from zoo.backbones.timm import TimmBackbone
from zoo.backbones.tunings.lora import LoRA, LowRankLinear
from zoo.backbones.tunings.norms import NormTuning
from zoo.errors import ConfigError

torch.set_num_threads(1)


def vit(tuning=None, **options):
    torch.manual_seed(0)
    return TimmBackbone(name="test_vit", options={"img_size": 64}, tuning=tuning, **options)


def pixels():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def step(model):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for _ in range(2):  # after one, the first factor has a gradient too
        optimizer.zero_grad()
        model(pixels()).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("tuning", [LoRA(rank=2), LoRA(rank=2, layers=("fc1", "fc2")), NormTuning()])
@pytest.mark.parametrize("recompute", [False, True])
def test_only_the_tuned_parameters_change_and_each_gets_a_gradient(tuning, recompute):
    model = vit(tuning, gradient_checkpointing=recompute).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    step(model)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == trained != set()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)
    words = ("lora_",) if isinstance(tuning, LoRA) else ("norm",)
    assert all(any(word in name for word in words) for name in trained)


def test_low_rank_sums_begin_at_the_trained_model_and_are_what_they_say():
    plain, tuned = vit().eval(), vit(LoRA(rank=3, alpha=6)).eval()
    tuned.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(plain(pixels()), tuned(pixels()))
    step(tuned)
    layer = tuned.trunk.blocks[1].attn.qkv
    x = torch.randn(5, 64)
    summed = layer.weight + 2 * layer.lora_up @ layer.lora_down
    torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, summed, layer.bias))
    assert sum(isinstance(module, LowRankLinear) for module in tuned.modules()) == 12


def test_trained_weights_are_fetched_under_the_sums(tmp_path):
    torch.manual_seed(4)
    trained = timm.create_model("test_vit", img_size=64)
    torch.save(trained.state_dict(), tmp_path / "vit.pth")
    model = vit(LoRA(rank=2), weights=str(tmp_path / "vit.pth"))
    model.fetch_weights()
    assert torch.equal(model.trunk.blocks[0].attn.qkv.weight, trained.blocks[0].attn.qkv.weight)
    assert torch.equal(model.trunk.blocks[5].mlp.fc2.weight, trained.blocks[5].mlp.fc2.weight)
    assert not model.trunk.blocks[0].attn.qkv.lora_up.any()


def test_layers_are_told_apart_under_a_tuning():
    depths = vit(LoRA(rank=2)).depths()
    assert depths["trunk.blocks.0.attn.qkv.lora_up"] == depths["trunk.blocks.0.attn.qkv.weight"] == 5


def test_few_parameters_are_trained():
    with torch.device("meta"):
        model = TimmBackbone(name="vit_base_patch16_clip_224.openai", tuning=LoRA(rank=8))
        norms = TimmBackbone(name="vit_base_patch16_clip_224.openai", tuning=NormTuning())
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 12 * 8 * (768 + 3 * 768 + 768 + 768)
    assert sum(p.numel() for p in norms.parameters() if p.requires_grad) == 26 * 2 * 768


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="rank=0 must be at least 1"):
        LoRA(rank=0)
    with pytest.raises(ConfigError, match="no linear layer called qkv or proj"):
        TimmBackbone(name="test_efficientnet", tuning=LoRA())
    with pytest.raises(ConfigError, match="cannot be combined"):
        vit(NormTuning(), frozen_stages=1)
