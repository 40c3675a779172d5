"""The ensemble: predictions, fitting out of fold, decisions with their guarantee, and its state."""

import json

import numpy as np
import pytest

from zoo.ensembles.abstention import ConformalAbstention
from zoo.ensembles.calibrators.isotonic import IsotonicCalibrator
from zoo.ensembles.calibrators.platt import PlattCalibrator
from zoo.ensembles.combiners.mean import MeanCombiner
from zoo.ensembles.combiners.stacking import StackingCombiner
from zoo.ensembles.combiners.weighted import WeightedMeanCombiner
from zoo.ensembles.ensemble import Ensemble
from zoo.ensembles.files import read_ensemble, write_ensemble
from zoo.ensembles.folds import fold_of
from zoo.ensembles.joining import join
from zoo.errors import CheckpointError, ConfigError, DataError
from zoo.metrics.calibration import expected_calibration_error
from zoo.metrics.table import check_table
from zoo.predictions import read_predictions, write_predictions

NAN = float("nan")


@pytest.fixture
def videos(predictions, drawn):
    """A function that draws the joined predictions of members a, b, c for n videos."""

    def draw(n, *, seed=0, gaps=0.2, strengths=(1.0, 1.5, 2.0)):
        scores, labels = drawn(n, strengths, seed=seed, gaps=gaps)
        ids = [f"v{number:05}" for number in range(n)]
        return join({name: predictions(ids, column, labels) for name, column in zip("abc", scores.T, strict=False)})

    return draw


def whole(**parts):
    return Ensemble("abc", StackingCombiner(), PlattCalibrator(), ConformalAbstention(error=0.1), **parts)


def test_predictions_are_rows_of_the_schema(predictions, tmp_path):
    joined = join(
        {"a": predictions(["x", "y", "z"], [0.2, 0.4, NAN], [0, 1, 0]), "b": predictions(["x", "z"], [0.4, NAN])}
    )
    table = Ensemble(["b", "a"], MeanCombiner()).predict(joined)
    assert table["sample_id"].to_pylist() == ["x", "y", "z"]
    assert table["score"].to_pylist() == [pytest.approx(0.3), 0.4, None]
    assert table["members"].to_pylist() == ["b+a", "a", None]
    assert table["status"].to_pylist() == ["ok", "ok", "no_face"]
    assert check_table(table).equals(table)
    for suffix in ("parquet", "csv"):
        write_predictions(tmp_path / f"p.{suffix}", table)
        assert read_predictions(tmp_path / f"p.{suffix}").equals(table)


def test_ids_that_occur_under_several_methods_stay_apart(predictions):
    table = predictions(["x", "x", "y"], [0.1, 0.9, 0.5], method=["f2f", "swap", "swap"], samples=["1", "2", "3"])
    found = Ensemble("a", MeanCombiner()).predict(join({"a": table}))
    assert found["sample_id"].to_pylist() == ["f2f/x", "swap/x", "y"]
    check_table(found)


def test_all_is_fitted_and_survives_json(videos, tmp_path):
    ensemble = whole()
    ensemble.fit(videos(400))
    assert ensemble.fitted_on == {"n": 400, "n_real": 200, "n_fake": 200, "abstention": 134}
    assert ensemble.calibration["n"] == 266
    write_ensemble(tmp_path / "e.json", ensemble)
    again = read_ensemble(tmp_path / "e.json")
    new = videos(100, seed=1)
    assert again.predict(new).equals(ensemble.predict(new))
    assert again.state() == ensemble.state()
    assert set(ensemble.predict(new)["decision"].to_pylist()) <= {"real", "fake", "abstain"}


def test_calibration_is_told_out_of_fold(videos):
    ensemble = Ensemble("abc", MeanCombiner(), IsotonicCalibrator())
    joined = videos(120, gaps=0)
    ensemble.fit(joined)
    told = ensemble.calibration
    combined = MeanCombiner()(joined.scores)
    assert told["ece_before"] == expected_calibration_error(combined, joined.labels)
    fitted = expected_calibration_error(ensemble.calibrator(combined), joined.labels)
    assert fitted < 0.01, "isotonic regression is calibrated on what it is fitted to"
    assert fitted + 0.02 < told["ece_after"] < told["ece_before"]
    assert told["brier_after"] < told["brier_before"]


def test_calibration_lowers_the_error_on_held_out_videos(videos):
    ensemble = Ensemble("abc", MeanCombiner(), PlattCalibrator())
    ensemble.fit(videos(1_000))
    new = videos(1_000, seed=1)
    scores = ensemble.predict(new)["score"].to_numpy()
    assert expected_calibration_error(scores, new.labels) < 0.05
    assert expected_calibration_error(MeanCombiner()(new.scores), new.labels) > 0.1


def test_the_abstention_learns_from_videos_that_nothing_else_saw(videos, monkeypatch):
    seen = {}
    for kind in (StackingCombiner, PlattCalibrator):
        learn = kind.learn

        def spy(self, scores, labels, *rest, learn=learn, kind=kind):
            seen.setdefault(kind, set()).update(np.atleast_2d(scores.T).T[:, 0].tolist())
            learn(self, scores, labels, *rest)

        monkeypatch.setattr(kind, "learn", spy)
    fit = ConformalAbstention.fit
    kept = {}
    monkeypatch.setattr(
        ConformalAbstention, "fit", lambda self, scores, labels: (kept.update(n=len(scores)), fit(self, scores, labels))
    )
    joined = videos(300, gaps=0)
    whole().fit(joined)
    assert kept["n"] == 100
    assert len(seen[StackingCombiner]) == 200


@pytest.mark.parametrize("error", [0.05, 0.2])
def test_conformal_coverage(drawn, error):
    """Over many drawings of the videos fitted to, errors in each class stay at the level, and near it."""
    wrong = {0: [], 1: []}
    for seed in range(300):
        scores, labels = drawn(120, [1.0], seed=seed)
        new, truth = drawn(400, [1.0], seed=10_000 + seed)
        abstention = ConformalAbstention(error=error)
        abstention.fit(scores[:, 0], labels)
        decisions = abstention(new[:, 0]).to_numpy(zero_copy_only=False)
        wrong[0].append(np.mean(decisions[truth == 0] == "fake"))
        wrong[1].append(np.mean(decisions[truth == 1] == "real"))
    for rates in wrong.values():
        spread = 4 * np.std(rates) / np.sqrt(len(rates))
        assert np.mean(rates) <= error + spread
        assert np.mean(rates) >= error - 1 / 61 - spread


def test_conformal_thresholds_by_hand():
    abstention = ConformalAbstention(error=0.1)
    reals, fakes = np.arange(1, 20) / 100, np.arange(41, 60) / 100
    abstention.fit(np.concatenate([reals, fakes]), np.repeat([0, 1], 19))
    assert (abstention.lower, abstention.upper) == (0.42, 0.18)
    decisions = abstention(np.array([0.0, 0.18, 0.3, 0.42, 1.0, NAN])).to_pylist()
    assert decisions == ["real", "real", "abstain", "fake", "fake", None]


def test_an_abstention_that_could_never_decide_is_refused():
    assert ConformalAbstention(error=0.05).least == 19
    assert ConformalAbstention(error=0.1).least == 9
    with pytest.raises(DataError, match="18 real and 30 fake; 19 of each are the least"):
        ConformalAbstention().fit(np.full(48, 0.5), np.arange(48) >= 18)
    with pytest.raises(DataError, match="is not fitted"):
        ConformalAbstention()(np.array([0.5]))
    for bad in ({"error": 0}, {"error": 1}, {"parts": 1}):
        with pytest.raises(ConfigError):
            ConformalAbstention(**bad)


@pytest.mark.parametrize("groups", [None, np.arange(90) // 3])
def test_folds(groups):
    labels = (np.arange(90) // 3) % 2 if groups is not None else np.arange(90) % 3 % 2
    fold = fold_of(labels, groups=groups)
    assert set(fold) == set(range(5))
    np.testing.assert_array_equal(fold, fold_of(labels, groups=groups))
    shares = [labels[fold == index].mean() for index in range(5)]
    np.testing.assert_allclose(shares, labels.mean(), atol=0.1)
    if groups is not None:
        assert all(len(set(fold[groups == name])) == 1 for name in groups)


def test_groups_stay_together_in_the_whole_fit(videos):
    joined = videos(200, gaps=0)
    one, other = whole(), whole()
    one.fit(joined)
    other.fit(joined, groups=np.arange(200) // 2)
    assert one.state() != other.state()
    with pytest.raises(DataError, match="groups of shape"):
        whole().fit(joined, groups=np.arange(200)[:, None])


def test_what_cannot_be_fitted_or_asked(videos):
    with pytest.raises(DataError, match="StackingCombiner is not fitted"):
        whole().predict(videos(10))
    with pytest.raises(DataError, match="Too few videos to fit to: 6 real and 6 fake; 10 of each"):
        whole().fit(videos(12))
    with pytest.raises(DataError, match="are of a, b; the ensemble is made of a, b, c"):
        whole().fit(videos(100, strengths=(1.0, 1.0)))
    for members in ((), ("a", "a")):
        with pytest.raises(ConfigError, match="members with different names"):
            Ensemble(members, MeanCombiner())
    with pytest.raises(ConfigError, match="is not a Calibrator"):
        Ensemble("ab", MeanCombiner(), MeanCombiner())


def test_nothing_needs_to_be_fitted(videos):
    ensemble = Ensemble("abc", WeightedMeanCombiner(weights=[1, 2, 3]))
    assert not ensemble.learns
    ensemble.fit(videos(4))
    assert ensemble.calibration is None
    ensemble.fit(videos(100))
    assert ensemble.calibration["ece_after"] is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "zoo-ensemble", "version": 1}'])
def test_broken_states_are_named(tmp_path, text):
    path = tmp_path / "e.json"
    path.write_text(text)
    with pytest.raises(CheckpointError) as caught:
        read_ensemble(path)
    assert caught.value.where == str(path)


def test_a_state_is_plain(videos):
    ensemble = whole()
    ensemble.fit(videos(200))
    state = ensemble.state()
    assert json.loads(json.dumps(state, allow_nan=False)) == state
