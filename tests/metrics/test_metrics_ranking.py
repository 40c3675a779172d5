"""Ranking figures against scikit-learn, by hand, and at the edges."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from zoo.errors import DataError
from zoo.metrics.ranking import auc, average_precision, eer, rank

COARSE = st.sampled_from([0.0, -0.0, 0.1, 0.25, 0.5, 0.5000000000000001, 0.75, 1.0])
FINE = st.floats(0.0, 1.0, allow_nan=False, width=64)


@st.composite
def two_classes(draw):
    """Scores with many ties, or few, and labels with both classes."""
    score = draw(st.sampled_from([COARSE, FINE]))
    rows = draw(st.lists(st.tuples(score, st.integers(0, 1)), min_size=0, max_size=60))
    rows += [(draw(score), 0), (draw(score), 1)]
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


@settings(max_examples=150, deadline=None)
@given(two_classes())
def test_figures_and_curves_equal_scikit_learn(pair):
    scores, labels = pair
    plain = scores + 0.0  # scikit-learn takes -0.0 and 0.0 for one score, and so do we
    assert auc(scores, labels) == pytest.approx(sk.roc_auc_score(labels, plain), abs=1e-12)
    assert average_precision(scores, labels) == pytest.approx(sk.average_precision_score(labels, plain), abs=1e-12)
    fpr, tpr, thresholds = sk.roc_curve(labels, plain, drop_intermediate=False)
    ours = rank(scores, labels)
    for mine, theirs in zip(ours.roc(), (fpr, tpr, thresholds), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)
    crossing = brentq(lambda x: 1.0 - x - np.interp(x, fpr, tpr), 0.0, 1.0) if auc(scores, labels) < 1 else 0.0
    assert eer(scores, labels) == pytest.approx(crossing, abs=1e-9)
    for limit in (0.001, 0.01, 0.1, 0.5, 1.0):
        assert ours.partial_auc(limit) == pytest.approx(sk.roc_auc_score(labels, plain, max_fpr=limit), abs=1e-9)
        assert ours.tpr_at_fpr(limit) == tpr[fpr <= limit].max()
    precision, recall, cuts = sk.precision_recall_curve(labels, plain)
    for mine, theirs in zip(ours.precision_recall(), (precision[:-1], recall[:-1], cuts), strict=True):
        np.testing.assert_allclose(mine, theirs[::-1], rtol=0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(two_classes(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_and_classes_mirror(pair, random):
    scores, labels = pair
    order = list(range(len(scores)))
    random.shuffle(order)
    ranking, shuffled = rank(scores, labels), rank(scores[order], labels[order])
    assert (ranking.auc(), ranking.average_precision(), ranking.eer()) == (
        shuffled.auc(),
        shuffled.average_precision(),
        shuffled.eer(),
    )
    coarse = np.round(scores, 3)  # 1 - x maps distinct fine scores onto one
    assert auc(np.round(1 - coarse, 3), 1 - labels) == pytest.approx(auc(coarse, labels), abs=1e-12)


def test_by_hand():
    scores = [0.9, 0.8, 0.7, 0.6, 0.55, 0.4]
    labels = [1, 1, 0, 1, 0, 0]
    assert auc(scores, labels) == pytest.approx(8 / 9)  # of 9 pairs only (0.6, 0.7) is in the wrong order
    assert average_precision(scores, labels) == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert eer(scores, labels) == pytest.approx(1 / 3)


def test_ties_count_half():
    assert auc([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1]) == 0.5
    assert auc([0.0, -0.0], [0, 1]) == 0.5
    assert eer([0.5, 0.5], [0, 1]) == 0.5
    assert average_precision([0.5, 0.5, 0.5], [1, 0, 0]) == pytest.approx(1 / 3)


def test_the_left_end_of_the_curve_by_hand():
    """Of 4 reals one outscores the lower fake: TPR 0.5 without a false alarm, 1 at FPR 0.25."""
    ranking = rank([0.9, 0.5, 0.7, 0.1, 0.1, 0.2], [1, 1, 0, 0, 0, 0])
    assert [ranking.tpr_at_fpr(limit) for limit in (0.01, 0.24, 0.25)] == [0.5, 0.5, 1.0]
    area, chance = 0.5 * 0.1, 0.1**2 / 2
    assert ranking.partial_auc(0.1) == pytest.approx(0.5 * (1 + (area - chance) / (0.1 - chance)))
    assert rank([0.1, 0.9], [0, 1]).partial_auc(0.1) == pytest.approx(1.0)
    assert rank([0.5, 0.5], [0, 1]).partial_auc(0.1) == pytest.approx(0.5)


def test_perfect_and_inverted():
    assert (auc([0.1, 0.9], [0, 1]), eer([0.1, 0.9], [0, 1]), average_precision([0.1, 0.9], [0, 1])) == (1.0, 0.0, 1.0)
    assert (auc([0.9, 0.1], [0, 1]), eer([0.9, 0.1], [0, 1])) == (0.0, 1.0)


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_one_class_is_undefined_without_a_warning(labels):
    scores = [0.2, 0.5, 0.5][: len(labels)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(math.isnan(figure(scores, labels)) for figure in (auc, average_precision, eer))
        assert math.isnan(rank(scores, labels).partial_auc())
        assert math.isnan(rank(scores, labels).tpr_at_fpr(0.01))
        rank(scores, labels).roc()
        rank(scores, labels).precision_recall()


def test_float32_scores_and_boolean_labels_are_taken():
    scores = np.array([0.1, 0.9, 0.3], np.float32)
    assert auc(scores, np.array([False, True, True])) == 1.0


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([0.1, np.nan], [0, 1], "not in"),
        ([0.1, 1.5], [0, 1], "not in"),
        ([-0.1, 0.5], [0, 1], "not in"),
        ([0.1, np.inf], [0, 1], "not in"),
        ([0.1, 0.2], [0, 2], "neither 0"),
        ([0.1, 0.2], [0], "one length"),
        ([[0.1, 0.2]], [[0, 1]], "one length"),
    ],
)
def test_bad_input_is_refused(scores, labels, words):
    with pytest.raises(DataError, match=words):
        rank(scores, labels)
