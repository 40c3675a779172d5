"""Losses on the fake logit against their formulas."""

import pytest
import torch
import torch.nn.functional as F

from zoo.errors import ConfigError
from zoo.losses.bce import BinaryCrossEntropyLoss
from zoo.losses.combined import CombinedLoss
from zoo.losses.focal import FocalLoss
from zoo.losses.soft_f1 import SoftMacroF1Loss

LABEL = torch.tensor([0, 1, 1, 0, 1])
LOGIT = torch.tensor([-2.0, 0.5, 3.0, 1.0, -1.5])
PROBABILITY = torch.sigmoid(LOGIT)


def value(loss, logit=LOGIT, label=LABEL):
    return loss({"fake_logit": logit}, {"label": label})


def test_bce_with_smoothing_and_weight():
    target = torch.where(LABEL == 1, 0.9, 0.1)
    expected = -(2 * target * PROBABILITY.log() + (1 - target) * (1 - PROBABILITY).log()).mean()
    torch.testing.assert_close(value(BinaryCrossEntropyLoss(label_smoothing=0.2, pos_weight=2.0)), expected)
    torch.testing.assert_close(
        value(BinaryCrossEntropyLoss()), F.binary_cross_entropy_with_logits(LOGIT, LABEL.float())
    )


def test_focal():
    true = torch.where(LABEL == 1, PROBABILITY, 1 - PROBABILITY)
    weight = torch.where(LABEL == 1, 0.25, 0.75)
    torch.testing.assert_close(
        value(FocalLoss(gamma=1.5, alpha=0.25)), (-weight * (1 - true) ** 1.5 * true.log()).mean()
    )
    torch.testing.assert_close(value(FocalLoss(gamma=0)), value(BinaryCrossEntropyLoss()))


def test_focal_is_finite_at_extreme_logits():
    logit = torch.tensor([1e4, -1e4, 1e4, -1e4], requires_grad=True)
    loss = value(FocalLoss(), logit, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.isfinite()
    assert logit.grad.isfinite().all()


def test_soft_f1_of_certain_logits_is_the_macro_f1():
    decided = torch.tensor([-50.0, 50, 50, 50, -50])  # one real called fake, one fake called real
    f1 = {"fake": 2 * 2 / (2 * 2 + 1 + 1), "real": 2 * 1 / (2 * 1 + 1 + 1)}
    assert float(value(SoftMacroF1Loss(), decided)) == pytest.approx(1 - sum(f1.values()) / 2)
    assert float(value(SoftMacroF1Loss(), 100 * (LABEL - 0.5))) == pytest.approx(0, abs=1e-6)


def test_combined_weighs_and_names():
    terms = {"bce": BinaryCrossEntropyLoss(), "focal": FocalLoss()}
    losses = value(CombinedLoss(terms=terms, weights={"focal": 0.3}))
    assert list(losses) == ["loss_bce", "loss_focal"]
    torch.testing.assert_close(losses["loss_bce"], value(terms["bce"]))
    torch.testing.assert_close(losses["loss_focal"], 0.3 * value(terms["focal"]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: BinaryCrossEntropyLoss(label_smoothing=1.0),
        lambda: BinaryCrossEntropyLoss(pos_weight=0),
        lambda: FocalLoss(gamma=-1),
        lambda: FocalLoss(alpha=1.5),
        lambda: CombinedLoss(terms={}),
        lambda: CombinedLoss(terms={"bce": BinaryCrossEntropyLoss()}, weights={"bec": 1.0}),
        lambda: CombinedLoss(terms={"bce": BinaryCrossEntropyLoss()}, weights={"bce": -1.0}),
    ],
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()
