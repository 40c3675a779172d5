"""Layer-wise rates and weight decay by kind of parameter, from the config to the optimiser's groups."""

import pytest
import torch
from mmengine.config import Config
from toy_parts import ToyDetector, toy_config

from zoo.engine.hooks.summary import summary_rows
from zoo.engine.parameter_groups import parameter_depths, parameter_groups
from zoo.engine.runner import ZooRunner
from zoo.errors import ConfigError
from zoo.plugins import catalog
from zoo.registry import REGISTRIES, build

torch.set_num_threads(1)

MODELS = catalog().config_dirs["zoo"] / "_base_" / "models"


class LayeredToy(ToyDetector):
    """The toy with a depth for each of its parameters but the head's."""

    def depths(self):
        names = [name for name, _ in self.named_parameters() if not name.startswith("head")]
        return {name: len(names) - 1 - place for place, name in enumerate(names)}


REGISTRIES["detector"].register_module(module=LayeredToy, force=True)


def dual_branch(**overrides):
    config = Config.fromfile(MODELS / "dualbranch_tiny.py")
    config.merge_from_dict({f"model.{key}": value for key, value in overrides.items()})
    return build("detector", config.model.to_dict())


def test_each_branch_has_its_own_depth_and_everything_else_the_full_rate():
    model = dual_branch(**{"rgb.name": "test_vit", "rgb.options": {"img_size": 64}, "rgb_projection.in_channels": 64})
    depths = parameter_depths(model)
    branches = {name for name, _ in model.named_parameters() if name.startswith(("rgb.", "frequency."))}
    assert set(depths) == branches
    assert depths["rgb.trunk.pos_embed"] == 6 and depths["rgb.trunk.blocks.5.mlp.fc1.weight"] == 0
    assert depths["rgb.trunk.blocks.2.attn.qkv.weight"] == 3
    stem = depths["frequency.backbone.trunk.conv_stem.weight"]
    assert stem == max(depth for name, depth in depths.items() if name.startswith("frequency.")) > 3
    groups = parameter_groups(model, lr=1e-3, weight_decay=0.1, layer_decay=0.5)
    rate = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    assert groups[0]["lr"] == 1e-3 and [g["lr"] for g in groups] == sorted((g["lr"] for g in groups), reverse=True)
    named = dict(model.named_parameters())
    assert len(rate) == len(named)
    assert rate[id(named["rgb.trunk.pos_embed"])] == pytest.approx(1e-3 * 0.5**6)
    assert rate[id(named["frequency.backbone.trunk.conv_stem.weight"])] == pytest.approx(1e-3 * 0.5**stem)
    for name, parameter in named.items():
        if name not in branches:
            assert rate[id(parameter)] == 1e-3, name


def test_norms_and_biases_can_go_without_weight_decay_and_frozen_parameters_are_left_out():
    model = dual_branch(**{"rgb.frozen_stages": 2})
    groups = parameter_groups(model, lr=1e-3, weight_decay=0.1, decay_vectors=False)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert all(parameter.ndim > 1 for parameter in groups[0]["params"])
    assert all(parameter.ndim == 1 for parameter in groups[1]["params"])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert sum(len(group["params"]) for group in groups) == len(trained) < len(list(model.parameters()))


def test_a_decay_of_one_is_one_rate():
    groups = parameter_groups(dual_branch(), lr=1e-3, weight_decay=0.1, layer_decay=1.0)
    assert {group["lr"] for group in groups} == {1e-3}


def layered(tmp_path, **wrapper):
    optim = {"optimizer": {"type": "AdamW", "lr": 0.05, "weight_decay": 0.1}, **wrapper}
    return ZooRunner.from_cfg(toy_config(tmp_path, model={"type": "LayeredToy"}, optim_wrapper=optim))


def test_a_run_takes_it_from_the_config_and_says_so(tmp_path):
    runner = layered(tmp_path, layer_decay=0.5, decay_vectors=False)
    runner.train()
    groups = runner.optim_wrapper.optimizer.param_groups
    deepest = max(group["depth"] for group in groups)
    assert deepest > 0
    assert {group["initial_lr"] for group in groups} == {0.05 * 0.5 ** group["depth"] for group in groups}
    assert all(group["lr"] < group["initial_lr"] for group in groups)  # the schedule scales every group
    assert runner.optim_wrapper.optimizer.defaults["fused"] is True
    told = dict(summary_rows(runner))["optimiser"]
    assert f"lr 0.05, weight decay 0.1, times 0.5 a layer down to {0.05 * 0.5**deepest:.3g}" in told
    assert "none of it on norms and biases" in told


def test_without_it_nothing_changes(tmp_path):
    runner = layered(tmp_path)
    assert len(runner.build_optim_wrapper(runner.optim_wrapper).optimizer.param_groups) == 1


def test_a_resumed_run_has_the_same_groups(tmp_path):
    layered(tmp_path, layer_decay=0.5).train()
    config = toy_config(tmp_path, max_epochs=4, model={"type": "LayeredToy"}, resume="auto")
    config["optim_wrapper"] = {"optimizer": {"type": "AdamW", "lr": 0.05}, "layer_decay": 0.5}
    runner = ZooRunner.from_cfg(config)
    runner.train()
    groups = runner.optim_wrapper.optimizer.param_groups
    assert {group["initial_lr"] for group in groups} == {0.05 * 0.5 ** group["depth"] for group in groups}
    assert len(groups) > 1


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"must lie in \(0, 1\], not 1.5"):
        parameter_groups(dual_branch(), lr=1e-3, weight_decay=0.0, layer_decay=1.5)
    with pytest.raises(ConfigError, match="no backbone whose layers"):
        parameter_groups(torch.nn.Linear(2, 2), lr=1e-3, weight_decay=0.0, layer_decay=0.5)
    runner = layered(tmp_path, layer_decay=0.5, paramwise_cfg={"bias_decay_mult": 0.0})
    with pytest.raises(ConfigError, match="paramwise_cfg cannot be combined"):
        runner.build_optim_wrapper(runner.optim_wrapper)
