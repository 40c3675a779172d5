"""What the guard says of the thing that was not finite."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from zoo.engine.hooks.nonfinite import NonFiniteGuard
from zoo.errors import TrainingError
from zoo.structures import ForgerySample

NAN = float("nan")


@pytest.fixture
def runner(tmp_path):
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    model.last_losses = {"loss_ce": torch.tensor(0.5), "loss_focal": torch.tensor(0.1), "loss": torch.tensor(0.6)}
    wrapper = SimpleNamespace(guard=None)
    return SimpleNamespace(bare_model=model, optim_wrapper=wrapper, world_size=1, rank=0, iter=11, work_dir=tmp_path)


def message(runner, value=NAN):
    samples = [ForgerySample(sample_id=f"s{i}", video_id="v", corpus="c", method="m", label=i) for i in (0, 1)]
    batch = {"inputs": {"image": runner.inputs, "mask": torch.ones(2, dtype=torch.bool)}, "data_samples": samples}
    guard = NonFiniteGuard()
    guard.before_train(runner)
    guard.before_train_iter(runner, 0, batch)
    with pytest.raises(TrainingError) as caught:
        runner.optim_wrapper.guard(torch.tensor(value))
    return str(caught.value)


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_each_cause_is_named_and_the_first_one_wins(runner, value):
    runner.inputs = torch.ones(2, 2)
    assert "iteration 12 (in the loss)" in message(runner, value)
    runner.bare_model.weight.grad[0, 1] = value
    assert "the gradient of 'weight'" in message(runner, value)
    runner.bare_model.last_losses["loss_focal"] = torch.tensor(value)
    assert "the term loss_focal of the loss" in message(runner, value)
    runner.bare_model.bias.data[0] = value
    assert "the weight 'bias'" in message(runner, value)
    runner.inputs[1, 0] = value
    assert "the input 'image' of sample 's1'" in message(runner, value)


def test_pictures_of_bytes_are_no_cause(runner):
    runner.inputs = torch.ones(2, 2, dtype=torch.uint8)
    assert "(in the loss)" in message(runner)


def test_a_finite_loss_passes(runner):
    guard = NonFiniteGuard()
    guard.before_train(runner)
    assert guard.is_finite(torch.tensor(3.0))
    assert list(runner.work_dir.iterdir()) == []
