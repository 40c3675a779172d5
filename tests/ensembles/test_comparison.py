"""Members beside each other: figures, gains, errors in common, and the paired test, on scores that are known."""

import numpy as np
import pyarrow as pa
import pytest

from zoo.ensembles.combiners.mean import MeanCombiner
from zoo.ensembles.comparison import (
    against_member,
    best_member,
    calibration_figures,
    error_correlation,
    figures_of,
    leave_one_out,
    member_figures,
    without,
)
from zoo.ensembles.ensemble import Ensemble
from zoo.ensembles.joining import Joined
from zoo.errors import DataError

NAN = float("nan")


def joined_of(scores, labels, members="abc"):
    scores = np.asarray(scores, float)
    count = len(scores)
    videos = pa.table(
        {
            "corpus": ["x"] * count,
            "method": ["m"] * count,
            "video_id": [f"v{index:03d}" for index in range(count)],
            "label": pa.array([None if label < 0 else label for label in labels], pa.int8()),
        }
    )
    statuses = pa.array(["no_face" if np.isnan(row).all() else "ok" for row in scores])
    return Joined(tuple(members[: scores.shape[1]]), videos, scores, statuses)


def noisy(count=400, members=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    logits = (2 * labels - 1)[:, None] + rng.normal(0, 1.5, (count, members))
    return joined_of(1 / (1 + np.exp(-logits)), labels)


def test_figures_are_of_labelled_and_scored_videos_alone():
    figures = figures_of(np.array([0.1, 0.9, NAN, 0.8, 0.6]), np.array([0, 1, 1, -1, 0], np.int8))
    assert figures["videos"] == 3 and figures["auc"] == 1.0 and figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["brier"] == pytest.approx((0.01 + 0.01 + 0.36) / 3)
    one_class = figures_of(np.array([0.1, 0.2]), np.array([0, 0], np.int8))
    assert one_class["auc"] is None and one_class["accuracy"] == 1.0
    nothing = figures_of(np.array([NAN]), np.array([1], np.int8))
    assert nothing["videos"] == 0 and nothing["auc"] is nothing["ece"] is None


def test_the_best_is_judged_on_what_all_have_scored():
    labels = [0, 1, 1, 0]
    lucky = joined_of([[0.6, 0.2], [0.5, 0.8], [0.9, 0.4], [0.1, NAN]], labels)  # "a" is best where "b" is mute
    assert member_figures(lucky)["a"]["auc"] == 0.75 and best_member(lucky) == "b"
    apart = joined_of([[0.1, NAN], [0.9, NAN], [NAN, 0.9], [NAN, 0.1]], [0, 1, 0, 1])
    assert best_member(apart) == "a"
    with pytest.raises(DataError, match="2 real and 0 fake"):
        best_member(joined_of([[0.1, 0.2], [0.3, 0.4]], [0, 0]))


def test_without_a_member_the_videos_of_the_others_are_left():
    joined = joined_of([[0.1, 0.2, NAN], [NAN, NAN, 0.3], [NAN, NAN, NAN]], [0, 1, 1])
    rest = without(joined, "c")
    assert rest.members == ("a", "b") and len(rest) == 1
    assert rest.videos["video_id"].to_pylist() == ["v000"]


def test_members_that_err_alike_correlate_and_others_do_not():
    joined = noisy(members=2)
    scores = np.column_stack([joined.scores, joined.scores[:, 0]])
    scores[:5, 2] = NAN
    told = error_correlation(joined_of(scores, joined.labels))
    matrix = np.array(told["matrix"])
    assert told["members"] == ["a", "b", "c"]
    assert np.allclose(np.diag(matrix), 1) and matrix[0, 2] == pytest.approx(1)
    assert abs(matrix[0, 1]) < 0.15
    assert told["videos"] == [[400, 400, 395], [400, 400, 395], [395, 395, 395]]
    constant = error_correlation(joined_of([[0.5, 0.2], [0.5, 0.3]], [0, 1]))
    assert constant["matrix"][0] == [None, None]


def test_the_gain_is_what_is_lost_without_the_member():
    joined = noisy()
    joined = joined_of(np.column_stack([joined.scores, np.full(len(joined), 0.5)]), joined.labels, members="abcd")
    ensemble = Ensemble("abcd", MeanCombiner())
    combined = ensemble.predict(joined)["score"].to_numpy()
    reduced = {name: Ensemble("abcd".replace(name, ""), MeanCombiner()) for name in "abc"} | {"d": None}
    gains = leave_one_out(joined, combined, reduced)
    assert gains["d"] is None
    for name in "abc":
        assert gains[name]["gain"] > 0.01 and gains[name]["videos"] == len(joined)
        assert gains[name]["gain"] == pytest.approx(gains[name]["auc"] - gains[name]["auc_without"])


def test_the_ensemble_beats_a_member_where_errors_differ_and_ties_with_itself():
    joined = noisy()
    combined = MeanCombiner()(joined.scores)
    better = against_member(joined, combined, "a", replicates=200)
    assert better["difference"] > 0.05 and better["low"] > 0 and better["p_value"] < 0.05
    same = against_member(joined, joined.scores[:, 0], "a", replicates=200)
    assert same["difference"] == 0 and same["p_value"] == 1
    undefined = against_member(joined_of([[0.1, 0.2]], [0]), np.array([0.1]), "a")
    assert undefined["difference"] is None and undefined["videos"] == 1


def test_calibration_is_told_before_and_after():
    from zoo.ensembles.calibrators.platt import PlattCalibrator

    joined = noisy()
    joined = joined_of(0.5 + (joined.scores - 0.5) * 0.2, joined.labels)  # far too modest
    ensemble = Ensemble("abc", MeanCombiner(), PlattCalibrator())
    ensemble.fit(joined)
    told = calibration_figures(ensemble, joined)
    assert told["after"]["ece"] < told["before"]["ece"] / 2 and told["after"]["brier"] < told["before"]["brier"]
    assert calibration_figures(Ensemble("abc", MeanCombiner()), joined) is None
