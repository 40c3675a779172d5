"""What a backend promises: the logits of the detector itself, for any number of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError, DataError
from zoo.registry import build
from zoo.testing import component as any_component
from zoo.testing.case import Case, Check, ContractBroken, expect, run_checks
from zoo.testing.modules import expect_close
from zoo.testing.samples import pictures

_DETECTOR: Final = {
    "type": "DualBranchDetector",
    "rgb": {"type": "TimmBackbone", "name": "test_efficientnet"},
    "frequency": {
        "type": "FrequencyBackbone",
        "transform": {"type": "SRMResiduals"},
        "backbone": {"type": "TimmBackbone", "name": "test_resnet", "in_channels": 9},
    },
    "rgb_projection": {"type": "FeatureProjection", "in_channels": 256, "out_channels": 16},
    "frequency_projection": {"type": "FeatureProjection", "in_channels": 96, "out_channels": 16},
    "fusion": {"type": "GatedFusion", "channels": 16},
    "head": {"type": "ClassificationHead", "in_channels": 16},
    "loss": {"type": "FocalLoss"},
}


def check_backend(component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """The contract of a backend, over a small detector of two branches: uint8 [b, 3, h, w] to logits [b].

    Args:
        component: a registered name, or a class.
        config: arguments in plain values, beside ``model``; ``device`` is the CPU where they do not name one.

    Raises:
        ContractBroken: it breaks a promise.
        MissingDependency: a package that it needs is absent.
    """
    case = Case(kind="backend", component=component, config=config or {})
    run_checks(case, (any_component.is_registered_and_documented, *CHECKS))


def detector() -> nn.Module:
    """A detector with statistics of its own, in evaluation mode; always the same."""
    torch.manual_seed(0)
    model = build("detector", _DETECTOR)
    with torch.no_grad():
        for _ in range(3):
            model({"image": pictures()})
    return model.eval()


def _made(case: Case, **changes: Any) -> Any:
    return case.make(**{"device": "cpu", **changes, "model": changes.get("model") or detector()})


def _expected() -> Tensor:
    with torch.inference_mode():
        return detector()({"image": pictures()}).float()


def logits_are_those_of_the_detector(case: Case) -> None:
    """Logits are those of the detector, float32 [b] on the CPU; the pictures are left as they are."""
    backend, expected = _made(case), _expected()
    images = pictures()
    logits = backend(images)
    told = (tuple(logits.shape), logits.dtype, logits.device.type)
    expect(told == ((4,), torch.float32, "cpu"), f"the logits are {told}")
    expect_close(logits, expected, "logits differ", atol=1e-3, rtol=0)
    expect(torch.equal(images, pictures()), "the pictures are changed")
    expect(expected.std() > 0.01, "the detector hardly tells pictures apart")
    for rows in ([], [2], [3, 1], [0, 1, 2, 3, 0, 1, 2]):
        expect_close(backend(pictures()[rows]), expected[rows], f"of {len(rows)} pictures", atol=1e-3, rtol=0)


def the_layout_in_memory_does_not_matter(case: Case) -> None:
    """Pictures that are contiguous, or a part of a wider tensor, get the same logits."""
    backend, expected = _made(case), _expected()
    contiguous = pictures().contiguous()
    wide = torch.cat((contiguous, contiguous), dim=3)
    for images in (contiguous, wide[..., : contiguous.shape[3]]):
        expect_close(backend(images), expected, "the layout matters", atol=1e-3, rtol=0)


def it_may_be_prepared_and_gives_no_gradients(case: Case) -> None:
    """It may be prepared for a size of pictures; logits carry no gradients and are the same again."""
    backend = _made(case)
    backend.prepare(64, 64)
    logits = backend(pictures())
    expect(not logits.requires_grad, "logits carry gradients")
    expect(torch.equal(logits, backend(pictures())), "a second run gives something else")


def what_is_no_batch_of_pictures_is_refused(case: Case) -> None:
    """What is no uint8 [b, 3, h, w] is a `DataError`."""
    backend = _made(case)
    for images in (torch.zeros(2, 3, 64, 64), torch.zeros(3, 64, 64, dtype=torch.uint8), pictures()[:, :1]):
        try:
            backend(images)
        except DataError as error:
            expect("uint8 [b, 3, h, w]" in str(error), f"the error does not say uint8 [b, 3, h, w]: {error}")
        else:
            raise ContractBroken(f"{images.dtype} {tuple(images.shape)} is taken")


def training_mode_and_absent_devices_are_refused(case: Case) -> None:
    """A model in training mode, and a device that is not there, are a `ConfigError`."""
    wrong: list[tuple[dict[str, Any], str]] = [({"model": detector().train()}, "training mode")]
    wrong += [({"device": device}, f"no device '{device}'") for device in ("cuda:99", "abacus")]
    for changes, told in wrong:
        try:
            _made(case, **changes)
        except ConfigError as error:
            expect(told in str(error), f"the error does not say {told!r}: {error}")
        else:
            raise ContractBroken(f"no error says {told!r}")


CHECKS: Final[tuple[Check, ...]] = (
    logits_are_those_of_the_detector,
    the_layout_in_memory_does_not_matter,
    it_may_be_prepared_and_gives_no_gradients,
    what_is_no_batch_of_pictures_is_refused,
    training_mode_and_absent_devices_are_refused,
)
