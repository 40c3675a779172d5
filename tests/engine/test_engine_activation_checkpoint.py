import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from zoo.engine.activation_checkpoint import checkpoint_activations
from zoo.errors import ConfigError


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(6, 6), nn.GELU(), nn.Dropout(0.3)) for _ in range(3))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def test_every_parameter_gets_the_gradient_it_would_get_anyway():
    torch.manual_seed(0)
    plain = Stack()
    model = copy.deepcopy(plain)
    names = list(model.state_dict())
    assert checkpoint_activations(model, ["blocks.*"]) == ["blocks.0", "blocks.1", "blocks.2"]
    assert list(model.state_dict()) == names
    inputs = torch.randn(4, 6)  # needs no gradient itself, which the reentrant kind cannot bear
    for stack in (plain, model):
        torch.manual_seed(1)
        stack(inputs).square().sum().backward()
    wanted = dict(plain.named_parameters())
    assert wanted
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.equal(parameter.grad, wanted[name].grad), name


def test_the_reentrant_kind_would_lose_the_first_block():
    layer = nn.Linear(2, 2)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        output = checkpoint(layer, torch.zeros(1, 2), use_reentrant=True)
    assert not output.requires_grad


def test_activations_inside_a_block_are_not_kept():
    def kept(model):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            model(torch.randn(64, 6, requires_grad=True))
        return sum(sizes)

    plain, model = Stack(), Stack()
    checkpoint_activations(model, ["blocks.*"])
    assert kept(model) < kept(plain) / 2


def test_a_name_that_matches_nothing_is_an_error():
    with pytest.raises(ConfigError, match=r"'block'.*'blocks'"):
        checkpoint_activations(Stack(), ["block"])
