"""Figures at a threshold against scikit-learn and by hand."""

import math

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.metrics.thresholded import (
    accuracy,
    balanced_accuracy,
    class_figures,
    confusion_matrix,
    log_loss,
    macro_f1,
)

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), st.integers(0, 1)), max_size=40)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]))
def test_equal_scikit_learn_when_both_classes_are_there(rows, threshold):
    rows = [*rows, (0.4, 0), (0.6, 1)]
    scores, labels = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    called = scores >= threshold
    matrix = confusion_matrix(scores, labels, threshold=threshold)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(labels, called, labels=[0, 1]))
    assert accuracy(matrix) == pytest.approx(sk.accuracy_score(labels, called))
    assert balanced_accuracy(matrix) == pytest.approx(sk.balanced_accuracy_score(labels, called))
    assert macro_f1(matrix) == pytest.approx(sk.f1_score(labels, called, average="macro", zero_division=0))
    theirs = sk.precision_recall_fscore_support(labels, called, labels=[0, 1], zero_division=0)
    for index, name in enumerate(("real", "fake")):
        ours = class_figures(matrix)[name]
        assert (ours.precision, ours.recall, ours.f1, ours.support) == pytest.approx([row[index] for row in theirs])
    assert log_loss(scores, labels) == pytest.approx(sk.log_loss(labels, scores, labels=[0, 1]), rel=1e-9)


def test_by_hand():
    matrix = confusion_matrix([0.9, 0.5, 0.2, 0.6, 0.1], [1, 1, 1, 0, 0])
    assert matrix.tolist() == [[1, 1], [1, 2]]  # a score of exactly 0.5 is called fake
    fake = class_figures(matrix)["fake"]
    assert (fake.precision, fake.recall, fake.f1, fake.support) == (2 / 3, 2 / 3, 2 / 3, 3)
    assert macro_f1(matrix) == pytest.approx((0.5 + 2 / 3) / 2)
    assert log_loss([0.25, 0.5], [0, 1]) == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)


def test_one_class():
    matrix = confusion_matrix([0.9, 0.8, 0.3], [1, 1, 1])
    assert accuracy(matrix) == pytest.approx(2 / 3)
    assert math.isnan(macro_f1(matrix))
    assert math.isnan(balanced_accuracy(matrix))
    figures = class_figures(matrix)
    assert figures["fake"].precision == 1.0
    assert math.isnan(figures["real"].recall)
    assert figures["real"].support == 0


def test_a_class_never_predicted_has_precision_zero():
    figures = class_figures(confusion_matrix([0.1, 0.2], [0, 1]))
    assert figures["fake"].precision == figures["fake"].f1 == 0.0


def test_no_samples():
    matrix = confusion_matrix([], [])
    assert matrix.tolist() == [[0, 0], [0, 0]]
    assert math.isnan(accuracy(matrix))
    assert math.isnan(log_loss([], []))
