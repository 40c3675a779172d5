"""What a detector promises: one fake logit a sample in three modes of one forward."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.detectors.base import CALLS
from zoo.errors import DataError
from zoo.testing.case import Case, Check, ContractBroken, expect
from zoo.testing.component import keep_promises
from zoo.testing.modules import (
    expect_close,
    expect_gradients,
    expect_order_does_not_matter,
    expect_same_when_built_again,
    expect_state_dict_round_trip,
)
from zoo.testing.samples import BATCH, FRAMES, clips_batch, pictures_batch, samples, spoiled, streams_batch

_BATCHES: Final = (pictures_batch, clips_batch, streams_batch)


def check_detector(component: str | type, config: Mapping[str, Any] | None = None, *, ranks: bool = True) -> None:
    """The contract of a detector. It is given the first of three batches that holds all it reads.

    Pictures ``image`` [b, 3, 64, 64]; clips of pictures ``image`` [b, t, 3, 64, 64] with ``image_mask`` [b, t]; or
    streams ``visual`` and ``audio`` [b, t, 12] with masks: see `zoo.testing.samples`.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.
        ranks: also train a step on two processes (gloo), which takes seconds.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="detector", component=component, config=config or {})
    keep_promises(case, CHECKS, ranks=ranks)


def inputs_of(detector: nn.Module, *, seed: int = 4) -> dict[str, Tensor]:
    """The batch that suits ``detector``.

    Raises:
        ContractBroken: none of the three does; each one's error is named.
    """
    twin = copy.deepcopy(detector).eval()
    errors = []
    for batch in _BATCHES:
        inputs = batch(seed=seed)
        try:
            with torch.no_grad():
                twin(inputs)
        except Exception as error:
            errors.append(f"{batch.__name__} gives {type(error).__name__}: {error}")
        else:
            return inputs
    raise ContractBroken("it runs on no batch: " + "; ".join(errors))


def training_step(module: nn.Module, bare: Any, *, seed: int) -> Tensor:
    """A value to train: ``module`` is ``bare``, maybe wrapped; ``seed`` decides the data."""
    return bare.parse_losses(module(inputs_of(bare, seed=seed), samples(), mode="loss"))[0]


def _run(detector: nn.Module) -> Tensor:
    return detector(inputs_of(detector))


def loss_trains_every_parameter(case: Case) -> None:
    """Mode loss gives named scalars whose sum trains every parameter."""
    detector = case.make()
    losses = detector(inputs_of(detector), samples(), mode="loss")
    total, logged = detector.parse_losses(losses)
    trained = torch.stack([value for name, value in losses.items() if "loss" in name]).sum()
    expect_close(total, trained, "the total is not the sum of what has 'loss' in its name")
    expect(set(losses) <= set(logged), f"not logged: {sorted(set(losses) - set(logged))}")
    expect_gradients(detector, total)


def loss_tells_how_the_batch_was_called(case: Case) -> None:
    """Mode loss also gives the shares of real and fake samples that were called real and fake."""
    detector = case.make().eval()
    inputs = inputs_of(detector)
    losses = detector(inputs, samples(), mode="loss")
    called = (detector(inputs) >= 0).long().tolist()
    for name, truth, call in (("real_as_real", 0, 0), ("real_as_fake", 0, 1), ("fake_as_real", 1, 0)):
        hits = sum((sample.label, each) == (truth, call) for sample, each in zip(samples(), called, strict=True))
        expect(losses[name].item() == hits / BATCH, f"{name} is {losses[name].item()}, not {hits / BATCH}")
    expect(sum(losses[name].item() for name in CALLS) == 1, "the shares do not add up to 1")


def fakes_alone_without_sound_train_every_parameter(case: Case) -> None:
    """A batch without genuine samples or sound trains every parameter too."""
    detector = case.make()
    inputs, fakes = inputs_of(detector), samples()
    if "audio_mask" in inputs:
        inputs["audio_mask"] = torch.zeros_like(inputs["audio_mask"])
    for sample in fakes:
        sample.label = 1
    expect_gradients(detector, detector.parse_losses(detector(inputs, fakes, mode="loss"))[0])


def predict_fills_copies(case: Case) -> None:
    """Mode predict gives copies of the samples, in order, with plain logits; labels are not needed."""
    detector = case.make().eval()
    inputs, given = inputs_of(detector), samples()
    for sample in given:
        sample.label = None
    before = copy.deepcopy(given)
    with torch.no_grad():
        logits = detector(inputs)
        filled = detector(inputs, given, mode="predict")
    expect(tuple(logits.shape) == (BATCH,), f"the logits' shape is {tuple(logits.shape)}, not ({BATCH},)")
    expect(given == before, "the samples it was given are changed")
    expect([one.sample_id for one in filled] == [one.sample_id for one in given], "the order is another")
    expect(all(isinstance(one.fake_logit, float) for one in filled), "a fake_logit is no plain float")
    expect_close(torch.tensor([one.fake_logit for one in filled]), logits.float(), "predict and tensor differ")


def predict_tells_of_each_frame(case: Case) -> None:
    """Of streams, mode predict gives the logits of frames up to the last valid one."""
    detector = case.make().eval()
    inputs = inputs_of(detector)
    if "visual" not in inputs:
        return
    with torch.no_grad():
        filled = detector(inputs, samples(), mode="predict")
    lengths = [len(one.frame_logits or ()) for one in filled[:2]]
    expect(lengths == [FRAMES, FRAMES // 2], f"frame_logits of {lengths} frames, not of {[FRAMES, FRAMES // 2]}")


def mistaken_calls_are_named(case: Case) -> None:
    """Missing labels, missing samples and unknown modes are a `DataError` each."""
    detector = case.make().eval()
    inputs, unlabelled = inputs_of(detector), samples()
    for sample in unlabelled:
        sample.label = None
    wrong: tuple[tuple[Any, str, str], ...] = (
        (unlabelled, "loss", "4 of 4 samples have no label"),
        (None, "loss", "needs the samples"),
        (samples(), "train", "Unknown mode 'train'"),
    )
    for given, mode, told in wrong:
        try:
            detector(inputs, given, mode=mode)
        except DataError as error:
            expect(told in str(error), f"mode {mode!r}: the error says {error.what!r}, not {told!r}")
        else:
            raise ContractBroken(f"mode {mode!r} is no error where it should say {told!r}")


def padding_changes_nothing(case: Case) -> None:
    """Of streams, NaN in masked frames and further masked frames change nothing."""
    detector = case.make().eval()
    inputs = inputs_of(detector)
    if "visual" not in inputs:
        return
    hidden = {**inputs, **{name: spoiled(inputs[name], inputs[f"{name}_mask"]) for name in ("visual", "audio")}}
    longer = {
        name: torch.cat((x, torch.zeros(BATCH, 5, *x.shape[2:], dtype=x.dtype)), dim=1) for name, x in inputs.items()
    }
    with torch.no_grad():
        expected = detector(inputs)
        expect_close(detector(hidden), expected, "masked frames matter")
        expect_close(detector(longer), expected, "padding matters")


def an_absent_modality_still_gives_a_score(case: Case) -> None:
    """Of streams, clips without picture, sound or both get finite logits."""
    detector = case.make().eval()
    for absent in (("visual",), ("audio",), ("visual", "audio")):
        inputs = inputs_of(detector)
        for name in absent if "visual" in inputs else ():
            inputs[f"{name}_mask"] = torch.zeros_like(inputs[f"{name}_mask"])
            inputs[name] = torch.zeros_like(inputs[name])
        with torch.no_grad():
            expect(detector(inputs).isfinite().all(), f"not without {' and '.join(absent)}")


def samples_are_judged_alone(case: Case) -> None:
    """The order of the samples does not matter."""
    inputs = inputs_of(case.make())
    expect_order_does_not_matter(
        case.make(), lambda module, order: module({name: x[order] for name, x in inputs.items()})
    )


def in_bfloat16(case: Case) -> None:
    """Under bfloat16 autocast every parameter is trained and the logits are about the same."""
    detector = case.make()
    inputs = inputs_of(detector)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = detector.parse_losses(detector(inputs, samples(), mode="loss"))
    expect_gradients(detector, total)
    detector.eval()
    with torch.no_grad():
        exact = detector(inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = detector(inputs)
    expect_close(rough.float(), exact, "bfloat16 autocast gives something else", atol=0.1, rtol=0.1)


def state_dict(case: Case) -> None:
    """Everything that decides the logits is in the state dict."""
    expect_state_dict_round_trip(case, case.make(), _run)


def is_built_the_same_again(case: Case) -> None:
    """One random state gives one detector."""
    expect_same_when_built_again(case, _run)


CHECKS: Final[tuple[Check, ...]] = (
    loss_trains_every_parameter,
    loss_tells_how_the_batch_was_called,
    fakes_alone_without_sound_train_every_parameter,
    predict_fills_copies,
    predict_tells_of_each_frame,
    mistaken_calls_are_named,
    padding_changes_nothing,
    an_absent_modality_still_gives_a_score,
    samples_are_judged_alone,
    in_bfloat16,
    state_dict,
    is_built_the_same_again,
)
