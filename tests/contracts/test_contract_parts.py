"""Every built-in part keeps the promises of its kind: the checks of `zoo.testing`, one a test."""

import itertools

import pytest
import torch
from part_cases import cases

from zoo.testing import (
    backbone,
    calibrator,
    check_ranks,
    combiner,
    component,
    detector,
    frequency_transform,
    fusion,
    head,
    loss,
    metric,
    mixer,
)
from zoo.testing.ranks import TRAINED_KINDS

torch.set_num_threads(1)

OF_PICTURES = {"FrequencyBackbone", "TimmBackbone"}
CHECKS = {
    "calibrator": calibrator.CHECKS,
    "combiner": combiner.CHECKS,
    "detector": detector.CHECKS,
    "frequency_transform": frequency_transform.CHECKS,
    "fusion": fusion.CHECKS,
    "head": head.CHECKS,
    "loss": loss.CHECKS,
    "metric": metric.CHECKS,
    "mixer": mixer.CHECKS,
}


def checks_of(case):
    if case.kind == "backbone":
        own = backbone.PICTURE_CHECKS if case.name in OF_PICTURES else backbone.STREAM_CHECKS
    else:
        own = CHECKS[case.kind]
    return (*component.STATIC_CHECKS, *component.CHECKS, *own)


PROMISES = [
    pytest.param(case, check, id=f"{case.name}-{check.__name__}")
    for case in itertools.chain.from_iterable(map(cases, ["backbone", *CHECKS]))
    for check in checks_of(case)
]


@pytest.mark.parametrize(("case", "check"), PROMISES)
def test_promise_is_kept(case, check):
    check(case)


@pytest.mark.parametrize("kind", TRAINED_KINDS)
def test_two_ranks_train_alike(kind):
    check_ranks(*cases(kind))
