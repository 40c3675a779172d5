import copy

import pytest
import torch
from torch import nn

from zoo.engine.optim import PrecisionOptimWrapper
from zoo.engine.precision import resolve_precision
from zoo.errors import ConfigError


def make(model, **options):
    return PrecisionOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1), **options)


def run(wrapper, model, batches, *, epochs=1, total=None):
    """Train over ``batches`` of one-sample losses; returns the weights after each batch."""
    wrapper.epoch_length = len(batches)
    wrapper.initialize_count_status(model, 0, total or epochs * len(batches))
    trace = []
    for _ in range(epochs):
        for batch in batches:
            with wrapper.optim_context(model):
                loss = model(batch).pow(2).mean()
            wrapper.update_params(loss)
            trace.append((wrapper.updated, model.weight.detach().clone()))
            if len(trace) == total:
                return trace
    return trace


@pytest.fixture
def batches():
    return list(torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0)))


def test_accumulated_windows_equal_large_batches_and_end_with_the_epoch(batches):
    model = nn.Linear(3, 1, bias=False)
    plain = copy.deepcopy(model)
    trace = run(make(model, accumulative_counts=2), model, batches, epochs=2)
    assert [updated for updated, _ in trace] == [False, True, False, True, True] * 2
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for window in (batches[0:2], batches[2:4], batches[4:5]) * 2:
        optimizer.zero_grad()
        plain(torch.cat(window)).pow(2).mean().backward()
        optimizer.step()
    torch.testing.assert_close(model.weight, plain.weight)


def test_the_last_window_of_a_run_that_is_cut_short_counts_what_it_has(batches):
    model = nn.Linear(3, 1, bias=False)
    plain = copy.deepcopy(model)
    assert [updated for updated, _ in run(make(model, accumulative_counts=3), model, batches, total=2)] == [False, True]
    plain(torch.cat(batches[:2])).pow(2).mean().backward()
    torch.optim.SGD(plain.parameters(), lr=0.1).step()
    torch.testing.assert_close(model.weight, plain.weight)


def test_the_gradient_is_clipped_and_its_norm_before_clipping_recorded(batches):
    model = nn.Linear(3, 1, bias=False)
    before = model.weight.detach().clone()
    wrapper = make(model, clip_grad={"max_norm": 0.01})
    run(wrapper, model, batches[:1])
    reference = copy.deepcopy(model)
    reference.weight.data.copy_(before)
    reference(batches[0]).pow(2).mean().backward()
    norm = reference.weight.grad.norm()
    torch.testing.assert_close(wrapper.grad_norm, norm)
    torch.testing.assert_close(model.weight, before - 0.1 * 0.01 * reference.weight.grad / norm)


def test_a_guard_that_says_no_leaves_the_whole_window_out(batches):
    model = nn.Linear(3, 1, bias=False)
    before = model.weight.detach().clone()
    wrapper = make(model, accumulative_counts=2)
    asked = []

    def guard(value):
        asked.append(value)
        return len(asked) != 2

    wrapper.guard = guard
    trace = run(wrapper, model, batches[:4])
    assert [updated for updated, _ in trace] == [False, False, False, True]
    assert torch.equal(trace[1][1], before)
    assert not torch.equal(trace[3][1], before)


def test_bf16_runs_the_forward_pass_in_bf16_on_a_cpu(batches):
    model = nn.Linear(3, 1, bias=False)
    wrapper = make(model, precision="bf16")
    with wrapper.optim_context(model):
        output = model(batches[0])
    assert output.dtype == torch.bfloat16
    wrapper.update_params(output.float().pow(2).mean())
    assert model.weight.dtype == torch.float32 and wrapper.updated and wrapper.scaler is None


def test_precisions():
    assert resolve_precision("auto", "cpu") in ("fp32", "bf16")
    with pytest.raises(ConfigError, match="needs a GPU"):
        resolve_precision("fp16", "cpu")
    with pytest.raises(ConfigError, match="No precision 'fp8'"):
        resolve_precision("fp8", "cpu")


def test_its_state_is_the_optimisers(batches):
    model = nn.Linear(3, 1, bias=False)
    wrapper = PrecisionOptimWrapper(torch.optim.AdamW(model.parameters(), lr=0.1, fused=True))
    run(wrapper, model, batches)
    other = PrecisionOptimWrapper(torch.optim.AdamW(copy.deepcopy(model).parameters(), lr=0.5, fused=True))
    other.load_state_dict(wrapper.state_dict())
    assert other.get_lr() == wrapper.get_lr()
    assert torch.equal(other.optimizer.state_dict()["state"][0]["exp_avg"], wrapper.state_dict()["state"][0]["exp_avg"])
