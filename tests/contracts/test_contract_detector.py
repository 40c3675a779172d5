"""What every detector promises."""

import copy

import pytest
import torch
from part_cases import FRAMES, batch, batch_of, make, names, spoil, without_gradient

from zoo.detectors.base import CALLS
from zoo.errors import DataError

torch.set_num_threads(1)


@pytest.fixture(params=names("detector"))
def detector(request):
    return make("detector", request.param)


@pytest.fixture(params=names("detector", of="streams"))
def clip_detector(request):
    return make("detector", request.param)


def test_loss_trains_every_parameter(detector):
    inputs, samples = batch_of(detector)
    losses = detector(inputs, samples, mode="loss")
    total, logged = detector.parse_losses(losses)
    assert total.isfinite()
    torch.testing.assert_close(total, sum(value for name, value in losses.items() if "loss" in name))
    assert set(losses) <= set(logged)
    total.backward()
    assert without_gradient(detector) == []


def test_loss_tells_how_the_batch_was_called(detector):
    inputs, samples = batch_of(detector)
    losses = detector.eval()(inputs, samples, mode="loss")
    called = (detector(inputs) >= 0).long().tolist()
    for name, truth, call in (("real_as_real", 0, 0), ("real_as_fake", 0, 1), ("fake_as_real", 1, 0)):
        hits = sum((sample.label, each) == (truth, call) for sample, each in zip(samples, called, strict=True))
        assert losses[name].item() == hits / len(samples)
    assert sum(losses[name].item() for name in CALLS) == 1


def test_a_batch_without_genuine_clips_or_sound_trains_every_parameter(detector):
    inputs, samples = batch_of(detector)
    if "audio_mask" in inputs:
        inputs["audio_mask"] = torch.zeros_like(inputs["audio_mask"])
    for sample in samples:
        sample.label = 1
    total, _ = detector.parse_losses(detector(inputs, samples, mode="loss"))
    total.backward()
    assert without_gradient(detector) == []


def test_predict_fills_copies(detector):
    detector.eval()
    inputs, samples = batch_of(detector)
    before = copy.deepcopy(samples)
    with torch.no_grad():
        logits = detector(inputs)
        filled = detector(inputs, samples, mode="predict")
    assert logits.shape == (4,)
    assert samples == before
    assert [sample.sample_id for sample in filled] == [sample.sample_id for sample in samples]
    assert [sample.fake_logit for sample in filled] == pytest.approx(logits.tolist())
    assert all(isinstance(sample.fake_logit, float) for sample in filled)


def test_predict_tells_of_each_frame_of_a_clip(clip_detector):
    inputs, samples = batch()
    with torch.no_grad():
        filled = clip_detector.eval()(inputs, samples, mode="predict")
    assert len(filled[0].frame_logits) == FRAMES
    assert len(filled[1].frame_logits) == FRAMES // 2


def test_predict_does_not_need_labels(detector):
    inputs, samples = batch_of(detector)
    for sample in samples:
        sample.label = None
    with torch.no_grad():
        assert len(detector.eval()(inputs, samples, mode="predict")) == 4
    with pytest.raises(DataError, match="4 of 4 samples have no label"):
        detector(inputs, samples, mode="loss")


def test_mistaken_calls_are_named(detector):
    inputs, samples = batch_of(detector)
    with pytest.raises(DataError, match="needs the samples"):
        detector(inputs, mode="loss")
    with pytest.raises(DataError, match="Unknown mode 'train'"):
        detector(inputs, samples, mode="train")


def test_padding_changes_nothing(clip_detector):
    clip_detector.eval()
    inputs, _ = batch()
    spoiled = {
        **inputs,
        "visual": spoil(inputs["visual"], inputs["visual_mask"]),
        "audio": spoil(inputs["audio"], inputs["audio_mask"]),
    }
    longer = {name: torch.cat((x, torch.zeros(4, 5, *x.shape[2:], dtype=x.dtype)), dim=1) for name, x in inputs.items()}
    with torch.no_grad():
        expected = clip_detector(inputs)
        torch.testing.assert_close(clip_detector(spoiled), expected)
        torch.testing.assert_close(clip_detector(longer), expected)


@pytest.mark.parametrize("absent", [("visual",), ("audio",), ("visual", "audio")])
def test_an_absent_modality_still_gives_a_score(clip_detector, absent):
    inputs, _ = batch()
    for name in absent:
        inputs[f"{name}_mask"] = torch.zeros_like(inputs[f"{name}_mask"])
        inputs[name] = torch.zeros_like(inputs[name])
    with torch.no_grad():
        assert clip_detector.eval()(inputs).isfinite().all()


def test_order_of_clips_does_not_matter(detector):
    detector.eval()
    inputs, _ = batch_of(detector)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        turned = detector({name: x[order] for name, x in inputs.items()})
        torch.testing.assert_close(turned, detector(inputs)[order])


def test_bfloat16_autocast(detector):
    inputs, samples = batch_of(detector)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = detector.parse_losses(detector(inputs, samples, mode="loss"))
    total.backward()
    assert without_gradient(detector) == []
    detector.eval()
    with torch.no_grad():
        exact = detector(inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = detector(inputs)
    torch.testing.assert_close(rough.float(), exact, atol=0.1, rtol=0.1)


def test_state_dict_round_trip(detector):
    inputs, _ = batch_of(detector)
    twin = make("detector", type(detector).__name__).eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
        twin.load_state_dict(detector.state_dict())
        assert torch.equal(twin(inputs), detector.eval()(inputs))
