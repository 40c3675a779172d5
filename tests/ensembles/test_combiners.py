"""Every combiner: gaps, ranges, order, state and errors; and what each of them promises alone."""

import json

import numpy as np
import pytest

from zoo.ensembles.combiners.logit import LogitMeanCombiner
from zoo.ensembles.combiners.mean import MeanCombiner
from zoo.ensembles.combiners.moments import Moments
from zoo.ensembles.combiners.rank import RankMeanCombiner
from zoo.ensembles.combiners.stacking import StackingCombiner
from zoo.ensembles.combiners.weighted import WeightedMeanCombiner
from zoo.errors import ConfigError, DataError
from zoo.metrics.ranking import auc
from zoo.metrics.thresholded import log_loss
from zoo.plugins import catalog
from zoo.registry import build

NAN = float("nan")
NAMES = catalog().names("combiner")
LEARNERS = ["RankMeanCombiner", "StackingCombiner", "WeightedMeanCombiner"]


def made(name):
    return build("combiner", {"type": name})


def test_there_are_combiners():
    assert set(NAMES) >= {*LEARNERS, "MeanCombiner", "LogitMeanCombiner"}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_with_any_score_gets_one(name, drawn):
    combiner = made(name)
    scores, labels = drawn(200, gaps=0.4)
    scores[:5] = NAN
    combiner.fit(scores, labels)
    combined = combiner(scores)
    assert combined.shape == (200,)
    assert np.isnan(combined[:5]).all()
    assert np.all((combined[5:] >= 0) & (combined[5:] <= 1))
    unseen = np.array([[0.9, NAN, NAN], [NAN, 0.9, NAN], [NAN, NAN, 0.9], [1.0, 0.0, NAN], [1.0, 1.0, 1.0]])
    assert np.isfinite(combiner(unseen)).all()
    assert len(combiner(np.empty((0, 3)))) == 0


@pytest.mark.parametrize("name", NAMES)
def test_one_video_scores_as_among_many(name, drawn):
    combiner = made(name)
    scores, labels = drawn(100, gaps=0.3)
    combiner.fit(scores, labels)
    alone = np.concatenate([combiner(row[None]) for row in scores])
    np.testing.assert_allclose(alone, combiner(scores), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_members_and_videos_does_not_matter(name, drawn, seed):
    scores, labels = drawn(300, seed=seed, gaps=0.2)
    random = np.random.default_rng(seed)
    columns, rows = random.permutation(3), random.permutation(300)
    one, other = made(name), made(name)
    one.fit(scores, labels)
    other.fit(scores[:, columns], labels)
    np.testing.assert_allclose(other(scores[:, columns]), one(scores), atol=2e-4)
    np.testing.assert_allclose(one(scores[rows]), one(scores)[rows], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_state_through_json_gives_the_same_bits(name, drawn):
    combiner, again = made(name), made(name)
    scores, labels = drawn(120, gaps=0.3)
    combiner.fit(scores, labels)
    again.load_state(json.loads(json.dumps(combiner.state(), allow_nan=False)))
    np.testing.assert_array_equal(again(scores), combiner(scores))
    assert again.state() == combiner.state()


@pytest.mark.parametrize("name", NAMES)
def test_the_ensemble_is_better_than_its_members_or_as_good_as_the_best(name, drawn):
    combiner = made(name)
    combiner.fit(*drawn(2_000, seed=1))
    scores, labels = drawn(2_000, seed=2)
    best = max(auc(column, labels) for column in scores.T)
    if name == "WeightedMeanCombiner":  # means of scores waver, so the log loss may choose the best member alone
        assert auc(combiner(scores), labels) > best - 0.005
    else:
        assert auc(combiner(scores), labels) > best + 0.01


@pytest.mark.parametrize("name", LEARNERS)
def test_what_a_learner_refuses(name, drawn):
    scores, labels = drawn(40)
    with pytest.raises(DataError, match=f"{name} is not fitted"):
        made(name)(scores)
    with pytest.raises(DataError, match="one class: 40 real and 0 fake"):
        made(name).fit(scores, np.zeros(40))
    with pytest.raises(DataError, match="Too few videos to fit to: 4 real and 36 fake"):
        made(name).fit(scores, np.arange(40) > 3)
    with pytest.raises(DataError, match="neither 0"):
        made(name).fit(scores, labels - 1)
    with pytest.raises(DataError, match=r"labels of shape \[39\]"):
        made(name).fit(scores, labels[1:])
    silent = scores.copy()
    silent[:, 1] = NAN
    with pytest.raises(DataError, match="Member 2 of 3 has no score"):
        made(name).fit(silent, labels)
    fitted = made(name)
    fitted.fit(scores, labels)
    with pytest.raises(DataError, match="Fitted to 3 members, asked for 2"):
        fitted(scores[:, :2])


@pytest.mark.parametrize("bad", [1.5, -0.1, np.inf])
def test_scores_outside_the_range_are_refused(bad):
    with pytest.raises(DataError, match="not in"):
        MeanCombiner()(np.array([[0.5, bad]]))
    with pytest.raises(DataError, match="an array"):
        MeanCombiner()(np.array([0.5]))


def test_one_member_alone_is_itself(drawn):
    scores, _ = drawn(500, [1.0])
    np.testing.assert_array_equal(MeanCombiner()(scores), scores[:, 0])
    np.testing.assert_array_equal(WeightedMeanCombiner(weights=[3])(scores), scores[:, 0])
    np.testing.assert_allclose(LogitMeanCombiner()(scores), scores[:, 0], rtol=1e-9)


def test_means_by_hand():
    scores = np.array([[0.2, 0.4, NAN], [NAN, NAN, 0.3], [0.0, 1.0, NAN]])
    np.testing.assert_allclose(MeanCombiner()(scores), [0.3, 0.3, 0.5])
    np.testing.assert_allclose(WeightedMeanCombiner(weights=[3, 1, 0])(scores), [0.25, 0.3, 0.25])
    np.testing.assert_allclose(LogitMeanCombiner()(scores)[1:], [0.3, 0.5])


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [NAN, 1], [np.inf, 1], [[1, 2]]])
def test_weights_that_cannot_be(weights):
    with pytest.raises(ConfigError, match="Weights are"):
        WeightedMeanCombiner(weights=weights)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_fitted_weights_are_the_best(drawn, gaps):
    scores, labels = drawn(1_000, [0.2, 1.0, 3.0], gaps=gaps)
    combiner = WeightedMeanCombiner()
    combiner.fit(scores, labels)
    assert combiner.weights is not None
    assert combiner.weights.min() >= 0
    assert combiner.weights.sum() == pytest.approx(1)
    best = log_loss(combiner(scores), labels)
    for weights in np.random.default_rng(0).dirichlet(np.ones(3), 200):
        assert log_loss(WeightedMeanCombiner(weights=weights)(scores), labels) >= best - 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_ranks_do_not_see_monotone_maps(drawn, seed):
    scores, labels = drawn(300, seed=seed, gaps=0.2)
    scores = np.round(scores, 2)  # ties
    new, _ = drawn(100, seed=seed + 100)
    new = np.round(new, 2)
    one, other = RankMeanCombiner(), RankMeanCombiner()
    one.fit(scores, labels)
    mapped, new_mapped = scores.copy(), new.copy()
    mapped[:, 1], new_mapped[:, 1] = scores[:, 1] ** 3 / 2, new[:, 1] ** 3 / 2
    other.fit(mapped, labels)
    np.testing.assert_array_equal(other(new_mapped), one(new))


def test_ranks_by_hand():
    combiner = RankMeanCombiner()
    reference = np.repeat([0.1, 0.2, 0.2, 0.4, 0.5], 4)
    combiner.fit(reference[:, None], np.arange(20) % 2)
    ranks = combiner(np.array([[0.0], [0.1], [0.2], [0.3], [0.5], [0.6]]))
    np.testing.assert_allclose(ranks, [0, 0.1, 0.4, 0.6, 0.9, 1.0])


def test_ranks_among_few_points_are_near_those_among_all(drawn):
    scores, labels = drawn(5_000)
    whole, few = RankMeanCombiner(), RankMeanCombiner(points=500)
    whole.fit(scores, labels)
    few.fit(scores, labels)
    assert len(few.references[0]) == 500
    np.testing.assert_allclose(few(scores), whole(scores), atol=2e-3)


def test_stacking_mends_a_member_that_is_badly_calibrated_or_useless(drawn):
    scores, labels = drawn(2_000, [2.0, 2.0, 0.0])
    scores[:, 1] = 1 / (1 + np.exp(-(8 * np.log(scores[:, 1] / (1 - scores[:, 1])) + 20)))
    combiner = StackingCombiner()
    combiner.fit(scores[:1_000], labels[:1_000])
    assert auc(combiner(scores[1_000:]), labels[1_000:]) > auc(MeanCombiner()(scores[1_000:]), labels[1_000:]) + 0.02
    assert abs(combiner.coefficients[2]) < 0.3 * min(combiner.coefficients[:2])
    assert len(combiner.log_losses) == len(combiner.penalties)


def test_that_a_member_lacks_is_no_evidence_to_stacking(drawn):
    scores, labels = drawn(4_000, [1.5, 1.5])
    random = np.random.default_rng(0)
    scores[(labels == 1) & (random.random(4_000) < 0.5), 1] = NAN  # of fakes only
    combiner = StackingCombiner()
    combiner.fit(scores, labels)
    half = combiner(np.array([[0.5, NAN], [0.5, 0.5]]))
    assert abs(half[0] - half[1]) < 0.15


def test_others_take_over_the_weight_of_one_that_lacks(drawn):
    scores, labels = drawn(4_000, [1.5, 1.5, 1.5], gaps=0.3)
    combiner = StackingCombiner()
    combiner.fit(scores, labels)
    alone = drawn(4_000, [1.5], seed=5)
    scored = combiner(np.column_stack([alone[0], np.full((4_000, 2), NAN)]))
    assert log_loss(scored, alone[1]) < log_loss(alone[0][:, 0], alone[1]) + 0.02


def test_groups_are_not_divided(drawn):
    scores, labels = drawn(200)
    combiner = StackingCombiner()
    combiner.fit(scores, labels, groups=np.arange(200) // 4)
    assert np.isfinite(combiner(scores)).all()
    with pytest.raises(DataError, match="Cross-validation needs two groups"):
        StackingCombiner().fit(scores, labels, groups=np.zeros(200))


def test_expected_values_are_those_of_a_regression():
    random = np.random.default_rng(0)
    values = random.normal(size=(20_000, 3)) @ np.array([[1.0, 0.5, 0.2], [0, 1, 0.7], [0, 0, 1]]) + [1, 2, 3]
    moments = Moments.of(values)
    known = moments.filled(values)
    lacking = values.copy()
    lacking[:, 2] = NAN
    slopes = np.linalg.lstsq(known[:, :2], known[:, 2], rcond=None)[0]
    np.testing.assert_allclose(moments.filled(lacking)[:, 2], known[:, :2] @ slopes, atol=0.02)


def test_moments_of_columns_that_never_meet_or_vary():
    values = np.array([[0.0, NAN, 5.0], [1.0, NAN, 5.0], [NAN, 2.0, 5.0], [NAN, 4.0, 5.0]])
    moments = Moments.of(values)
    assert moments.correlations[0, 1] == 0
    filled = moments.filled(values)
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[:2, 1], 0)
    copies = np.repeat(np.random.default_rng(0).normal(size=(50, 1)), 3, axis=1)
    copies[:5, 0] = NAN
    assert np.isfinite(Moments.of(copies).filled(copies)).all()
