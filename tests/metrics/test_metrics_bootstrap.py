"""Replicates against scikit-learn on repeated rows, intervals that cover, and a paired test that keeps its level."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import ConfigError, DataError
from zoo.metrics.bootstrap import cluster_numbers, interval_of, intervals, paired_difference
from zoo.metrics.ranking import LOW_FPRS, PARTIAL_FPR, eer
from zoo.metrics.resampling import STATISTICS, plain_figures, replicates_of, slice_of
from zoo.metrics.resampling import _poisson as poisson_weights

COARSE = st.sampled_from([0.0, -0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
FINE = st.floats(0.0, 1.0, allow_nan=False, width=64)


@st.composite
def rows(draw):
    """Scores (ties or none), labels, clusters and a threshold; a class may be absent."""
    score = draw(st.sampled_from([COARSE, FINE]))
    drawn = draw(st.lists(st.tuples(score, st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=60))
    scores, labels, clusters = (np.array(column) for column in zip(*drawn, strict=True))
    return scores, labels, clusters, draw(score)


def by_scikit_learn(scores, labels, threshold):
    """The figures of rows that count once each, by other people's code where there is some."""
    scores = scores + 0.0
    if len(set(labels)) < 2:
        kept = {"accuracy": math.nan, "log_loss": math.nan, "brier": math.nan}
        if len(labels):
            kept = {
                "accuracy": float(np.mean((scores >= threshold) == labels)),
                "log_loss": sk.log_loss(labels, scores, labels=[0, 1]),
                "brier": float(np.mean((scores - labels) ** 2)),
            }
        return dict.fromkeys(STATISTICS, math.nan) | kept
    fpr, tpr, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    calls = (scores >= threshold).astype(int)
    return {
        "auc": sk.roc_auc_score(labels, scores),
        "average_precision": sk.average_precision_score(labels, scores),
        "eer": eer(scores, labels),
        "partial_auc": sk.roc_auc_score(labels, scores, max_fpr=PARTIAL_FPR),
        **{name: float(tpr[fpr <= limit].max()) for name, limit in LOW_FPRS.items()},
        "accuracy": sk.accuracy_score(labels, calls),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, calls),
        "macro_f1": sk.f1_score(labels, calls, average="macro", labels=[0, 1], zero_division=0),
        "log_loss": sk.log_loss(labels, scores),
        "brier": sk.brier_score_loss(labels, scores),
    }


@settings(max_examples=100, deadline=None)
@given(rows())
def test_figures_of_single_rows_equal_scikit_learn(drawn):
    scores, labels, clusters, threshold = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        ours = plain_figures(slice_of(scores, labels, clusters, threshold=threshold))
    assert ours == pytest.approx(by_scikit_learn(scores, labels, threshold), abs=1e-9, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(rows(), st.integers(0, 1000))
def test_a_replicate_is_the_figure_of_rows_repeated_by_their_clusters_weight(drawn, seed):
    scores, labels, clusters, threshold = drawn
    part = slice_of(scores, labels, clusters, threshold=threshold)
    found = replicates_of([part], clusters=9, replicates=3, seed=seed)
    for number in range(3):
        times = poisson_weights(9, seed, number)[clusters]
        expected = by_scikit_learn(np.repeat(scores, times), np.repeat(labels, times), threshold)
        assert {name: values[0, number] for name, values in found.items()} == pytest.approx(
            expected, abs=1e-9, nan_ok=True
        )


def test_weights_are_poisson_with_mean_one_and_follow_the_seed_alone():
    weights = poisson_weights(200_000, 3, 5)
    shares = np.bincount(weights, minlength=10) / len(weights)
    expected = [math.exp(-1) / math.factorial(value) for value in range(5)]
    np.testing.assert_allclose(shares[:5], expected, atol=0.004)
    assert weights.mean() == pytest.approx(1.0, abs=0.01)
    assert np.array_equal(weights, poisson_weights(200_000, 3, 5))
    assert not np.array_equal(weights, poisson_weights(200_000, 3, 6))
    assert not np.array_equal(weights, poisson_weights(200_000, 4, 5))


def two_models(n, *, seed=0, gain=0.0, per_cluster=1):
    """Labels, scores of two models with errors in common, and clusters whose rows err together."""
    rng = np.random.default_rng(seed)
    clusters = np.arange(n) // per_cluster
    labels = (clusters % 2).astype(int)
    common = rng.normal(0, 1, clusters[-1] + 1)[clusters]
    logits = [labels * (1 + more) + common + rng.normal(0, 0.5, n) for more in (gain, 0.0)]
    return labels, *(1 / (1 + np.exp(-values)) for values in logits), clusters


def test_threads_and_block_sizes_change_nothing(monkeypatch):
    labels, scores, _, clusters = two_models(300, per_cluster=3)
    parts = [slice_of(scores, labels, clusters), slice_of(1 - scores, labels, clusters)]
    whole = replicates_of(parts, clusters=100, replicates=20, seed=1, threads=1)
    monkeypatch.setattr("zoo.metrics.resampling._BLOCK_ROWS", 700)
    cut = replicates_of(parts, clusters=100, replicates=20, seed=1, threads=2)
    for name in STATISTICS:
        np.testing.assert_array_equal(whole[name], cut[name])


def test_an_interval_widens_when_rows_come_in_clusters():
    labels, scores, _, clusters = two_models(2000, per_cluster=20)
    widths = []
    for numbers, count in (cluster_numbers(None, 2000), cluster_numbers(clusters, 2000)):
        bounds = intervals({"all": slice_of(scores, labels, numbers)}, clusters=count, replicates=300)["all"]["auc"]
        widths.append(bounds.high - bounds.low)
    assert widths[1] > 3 * widths[0]  # 100 independent rows instead of 2,000


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Clustered rows, whose true AUC is known from a large draw; 95% intervals of 120 samples."""
    labels, scores, *_ = two_models(400_000, seed=99, per_cluster=5)
    truth = plain_figures(slice_of(scores, labels, np.zeros(len(labels), int)), ["auc"])["auc"]
    covered = 0
    for seed in range(120):
        labels, scores, _, clusters = two_models(500, seed=seed, per_cluster=5)
        part = slice_of(scores, labels, clusters)
        bounds = intervals({"all": part}, clusters=100, replicates=200, statistics=["auc"])["all"]["auc"]
        covered += bounds.low <= truth <= bounds.high
    assert 0.88 <= covered / 120 <= 0.99


def test_a_better_model_is_told_from_a_worse_one_only_with_enough_rows():
    labels, better, worse, _ = two_models(1000, gain=0.6)
    result = paired_difference(better, worse, labels, replicates=500)
    assert result.difference > 0
    assert 0 < result.low < result.difference < result.high
    assert result.p_value < 0.01
    few = slice(0, 16)
    assert paired_difference(better[few], worse[few], labels[few], replicates=500).p_value > 0.05
    mirrored = paired_difference(worse, better, labels, replicates=500)
    assert mirrored.difference == -result.difference
    assert mirrored.p_value == result.p_value


def test_pairing_sees_what_two_single_intervals_do_not():
    labels, better, worse, clusters = two_models(1000, gain=0.3)
    single = intervals(
        {name: slice_of(scores, labels, clusters) for name, scores in (("a", better), ("b", worse))},
        clusters=1000,
        replicates=400,
        statistics=["auc"],
    )
    assert single["a"]["auc"].low < single["b"]["auc"].high  # the intervals overlap
    assert paired_difference(better, worse, labels, replicates=400).p_value < 0.01


def test_equal_models_are_rarely_called_different():
    """Two models with errors of the same size: of 150 tests at 5%, about 5% reject."""
    rejected = sum(
        paired_difference(a, b, labels, groups=clusters, replicates=200, seed=seed).p_value < 0.05
        for seed in range(150)
        for labels, a, b, clusters in [two_models(400, seed=seed, per_cluster=4)]
    )
    assert rejected / 150 <= 0.11


def test_the_same_scores_differ_by_nothing():
    labels, scores, _, _ = two_models(100)
    result = paired_difference(scores, scores, labels, replicates=50)
    assert (result.difference, result.low, result.high, result.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_groups_may_be_names_and_decide_on_the_clusters():
    labels, a, b, clusters = two_models(60, per_cluster=3)
    names = np.array([f"person {number}" for number in clusters])
    result = paired_difference(a, b, labels, groups=names, statistic="eer", replicates=50)
    assert result.clusters == 20
    assert result.first == pytest.approx(eer(a, labels))


def test_each_model_may_have_its_own_threshold():
    labels, scores, _, _ = two_models(200)
    shifted = scores / 2
    apart = paired_difference(
        scores, shifted, labels, statistic="balanced_accuracy", threshold=(0.5, 0.25), replicates=50
    )
    assert apart.difference == 0.0
    alike = paired_difference(scores, shifted, labels, statistic="balanced_accuracy", replicates=50)
    assert alike.difference > 0.1


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_one_class_leaves_difference_and_interval_undefined(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = paired_difference([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], labels, replicates=20)
    assert all(math.isnan(value) for value in (result.difference, result.low, result.high, result.p_value))


def test_replicates_that_lose_a_class_are_left_out_unless_most_do():
    values = np.array([0.5, np.nan, 0.7, 0.6])
    assert interval_of(values).low == pytest.approx(0.505)
    assert math.isnan(interval_of(np.array([0.5, np.nan])).low)


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"statistic": "aucc"}, ConfigError, "Did you mean 'auc'"),
        ({"replicates": 1}, ConfigError, "at least 2"),
        ({"confidence": 95}, ConfigError, "between 0 and 1"),
        ({"groups": ["a"]}, DataError, "one length"),
    ],
)
def test_bad_arguments_are_refused(more, error, words):
    with pytest.raises(error, match=words):
        paired_difference([0.1, 0.9], [0.2, 0.8], [0, 1], **more)
