"""What every loss promises."""

import pytest
import torch
from part_cases import make, names, outputs_of, without_gradient


@pytest.fixture(params=names("loss"))
def loss(request):
    return make("loss", request.param)


def total(value):
    """The sum of a loss's terms."""
    if isinstance(value, dict):
        assert value
        assert all("loss" in name for name in value)
        return sum(value.values())
    return value


def test_scalar_with_gradients_to_all_that_it_uses(loss):
    outputs, targets = outputs_of()
    value = total(loss(outputs, targets))
    assert value.shape == ()
    assert value.isfinite()
    assert value >= 0
    value.backward()
    assert loss.uses
    for name in loss.uses:
        assert outputs[name].grad.isfinite().all()
        assert outputs[name].grad.abs().sum() > 0, name
    assert [name for name in outputs if outputs[name].grad is not None and name not in loss.uses] == []
    assert without_gradient(loss) == []


def test_reads_only_what_it_says_beside_masks(loss):
    outputs, targets = outputs_of()
    wanted = {name: x for name, x in outputs.items() if name in loss.uses or name.endswith("_mask")}
    torch.testing.assert_close(total(loss(wanted, targets)), total(loss(outputs, targets)))


@pytest.mark.parametrize("label", [0, 1])
def test_a_batch_of_one_class_trains_every_parameter(loss, label):
    outputs, targets = outputs_of()
    targets["label"] = torch.full_like(targets["label"], label)
    value = total(loss(outputs, targets))
    assert value.isfinite()
    value.backward()
    assert all(outputs[name].grad is not None and outputs[name].grad.isfinite().all() for name in loss.uses)
    assert without_gradient(loss) == []


def test_no_complete_pair_is_no_error(loss):
    outputs, targets = outputs_of()
    outputs["audio_mask"] = torch.zeros_like(outputs["audio_mask"])
    value = total(loss(outputs, targets))
    assert value.isfinite()
    value.backward()
    assert without_gradient(loss) == []


def test_order_of_clips_does_not_matter(loss):
    outputs, targets = outputs_of()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    turned = total(
        loss({name: x[order] for name, x in outputs.items()}, {name: x[order] for name, x in targets.items()})
    )
    torch.testing.assert_close(turned, total(loss(outputs, targets)))


def test_computed_in_float32_under_autocast(loss):
    outputs, targets = outputs_of()
    rounded = {name: x.to(torch.bfloat16) if x.is_floating_point() else x for name, x in outputs.items()}
    exact = {name: x.float() if x.is_floating_point() else x for name, x in rounded.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = total(loss(rounded, targets))
    torch.testing.assert_close(value.float(), total(loss(exact, targets)), atol=0.02, rtol=0.02)
