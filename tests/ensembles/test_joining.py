"""Joining members by video: what is the same video, what contradicts, and what is told of videos without a score."""

import numpy as np
import pyarrow as pa
import pytest

from zoo.ensembles.joining import join, pattern_index
from zoo.errors import ConfigError, DataError
from zoo.metrics.table import by_video, scored

NAN = float("nan")


def test_an_outer_join_by_video(predictions):
    joined = join(
        {
            "visual": predictions(["b", "a", "c"], [0.2, 0.9, 0.5], [0, 1, -1]),
            "audio": predictions(["d", "a"], [0.7, 0.6], [1, 1]),
        }
    )
    assert joined.members == ("visual", "audio")
    assert joined.videos["video_id"].to_pylist() == ["a", "b", "c", "d"]
    assert joined.videos["label"].to_pylist() == [1, 0, None, 1]
    np.testing.assert_array_equal(joined.scores, [[0.9, 0.6], [0.2, NAN], [0.5, NAN], [NAN, 0.7]])
    assert joined.statuses.to_pylist() == ["ok"] * 4
    assert joined.member_names().to_pylist() == ["visual+audio", "visual", "visual", "audio"]
    assert joined.labels.tolist() == [1, 0, -1, 1]


def test_a_member_alone_is_the_mean_by_video(predictions):
    random = np.random.default_rng(0)
    ids = [f"v{number}" for number in random.integers(0, 40, 300)]
    labels = [int(name[1:]) % 2 for name in ids]
    methods = [f"m{int(name[1:]) % 3}" for name in ids]
    samples = [f"s{number}" for number in range(300)]
    table = predictions(ids, random.random(300), labels, method=methods, samples=samples)
    joined, mean = join({"a": table}), by_video(scored(table))
    expected = {(row["method"], row["video_id"]): (row["score"], row["label"]) for row in mean.to_pylist()}
    assert len(joined) == len(expected) == 40
    for row, score in zip(joined.videos.to_pylist(), joined.scores[:, 0], strict=True):
        mean_score, label = expected[row["method"], row["video_id"]]
        assert score == pytest.approx(mean_score, abs=1e-15)
        assert row["label"] == label


@pytest.mark.parametrize("seed", range(5))
def test_order_has_no_influence(predictions, seed):
    random = np.random.default_rng(seed)
    tables = {}
    for name in "abc":
        ids = [f"v{number}" for number in random.integers(0, 30, 60)]
        scores = np.where(random.random(60) < 0.3, NAN, random.random(60))
        labels = [int(video[1:]) % 2 for video in ids]
        samples = [f"s{number}" for number in range(60)]
        tables[name] = predictions(ids, scores, labels, samples=samples, status=f"no_{name}")
    whole = join(tables)
    mixed = join({name: tables[name].take(pa.array(random.permutation(60))) for name in "cab"}).arranged(
        ("a", "b", "c")
    )
    assert mixed.videos.equals(whole.videos)
    assert mixed.statuses.equals(whole.statuses)
    np.testing.assert_array_equal(mixed.scores, whole.scores)


def test_videos_without_a_score_keep_their_reasons(predictions):
    joined = join(
        {
            "visual": predictions(["a", "b", "c"], [NAN, NAN, 0.5], [1, 0, 0]),
            "audio": predictions(["a", "b", "c"], [NAN, NAN, NAN], status="no_audio"),
            "other": predictions(["b"], [NAN], status="no_face"),
        }
    )
    assert joined.statuses.to_pylist() == ["no_audio+no_face", "no_audio+no_face", "ok"]
    assert joined.member_names().to_pylist() == [None, None, "visual"]
    assert joined.videos["label"].to_pylist() == [1, 0, 0]


def test_a_failed_sample_leaves_the_mean_of_the_others(predictions):
    table = predictions(["a", "a", "a"], [0.2, NAN, 0.4], [0, 1, 0], samples=["1", "2", "3"])
    joined = join({"visual": table})
    assert joined.scores[0, 0] == pytest.approx(0.3)
    assert joined.statuses.to_pylist() == ["ok"]
    assert joined.videos["label"].to_pylist() == [1], "a video is fake when any of its samples is, scored or not"


def test_an_unknown_corpus_is_the_one_that_has_the_video(predictions):
    ours = predictions(["a", "b", "c"], [0.1, 0.2, 0.3], corpus=["x", "x", "y"])
    joined = join({"ours": ours, "other": predictions(["a", "c", "d"], [0.4, 0.5, 0.6], corpus="unknown")})
    found = zip(joined.videos["corpus"].to_pylist(), joined.videos["video_id"].to_pylist(), strict=True)
    assert list(found) == [("unknown", "d"), ("x", "a"), ("x", "b"), ("y", "c")]
    np.testing.assert_array_equal(joined.scores, [[NAN, 0.6], [0.1, 0.4], [0.2, NAN], [0.3, 0.5]])


def test_an_unknown_corpus_that_may_be_any_of_two_is_an_error(predictions):
    ours = predictions(["a", "a"], [0.1, 0.2], corpus=["x", "y"], samples=["1", "2"])
    with pytest.raises(DataError, match="'a' of an unknown corpus may be of any of 2 corpora"):
        join({"ours": ours, "other": predictions(["a"], [0.4], corpus="unknown")})


def test_an_unknown_method_yields_to_a_known_one(predictions):
    for methods in (["unknown", "swap"], ["swap", "unknown"], ["", "swap"]):
        tables = {name: predictions(["a"], [0.5], method=method) for name, method in zip("ab", methods, strict=True)}
        joined = join(tables)
        assert joined.videos["method"].to_pylist() == ["swap"]
        assert joined.member_names().to_pylist() == ["a+b"]


def test_members_that_name_different_methods_are_an_error(predictions):
    tables = {name: predictions(["a"], [0.5], method=name) for name in ("swap", "reenactment")}
    with pytest.raises(DataError, match="different methods for video 'a' of corpus 'c': reenactment, swap"):
        join(tables)


def test_ids_that_do_not_name_the_method_stay_apart(predictions):
    def member(*scores, methods=("f2f", "swap")):
        ids = ["000_003"] * len(scores)
        return predictions(ids, scores, method=list(methods), samples=[f"s{n}" for n in range(len(scores))])

    joined = join({"a": member(0.1, 0.9), "b": member(0.8, methods=["swap"])})
    assert joined.videos["method"].to_pylist() == ["f2f", "swap"]
    np.testing.assert_array_equal(joined.scores, [[0.1, NAN], [0.9, 0.8]])
    with pytest.raises(DataError, match="does not tell the method of video '000_003'"):
        join({"a": member(0.1, 0.9), "b": member(0.8, methods=["unknown"])})


def test_contradicting_labels_are_an_error(predictions):
    tables = {"a": predictions(["x", "y"], [0.1, 0.2], [0, 1]), "b": predictions(["y", "x"], [0.1, 0.2], [0, 0])}
    with pytest.raises(DataError, match=r"1 videos have another label in member 'b'.*'y' of corpus 'c', 0 against 1"):
        join(tables)


def test_a_member_that_shares_no_video_is_an_error(predictions):
    tables = {name: predictions(["x", "y"], [0.1, 0.2]) for name in "ab"} | {"c": predictions(["z"], [0.5])}
    with pytest.raises(DataError, match="'c' has no video in common with the others; it has 'z' of corpus 'c'"):
        join(tables)


def test_a_member_without_rows_is_a_column_without_scores(predictions):
    joined = join({"a": predictions(["x"], [0.1]), "b": predictions([], [])})
    np.testing.assert_array_equal(joined.scores, [[0.1, NAN]])
    assert len(join({"a": predictions([], [])})) == 0


def test_what_cannot_be_joined(predictions):
    with pytest.raises(ConfigError, match="no member"):
        join({})
    for name in ("", "a+b"):
        with pytest.raises(ConfigError, match="cannot be called"):
            join({name: predictions(["x"], [0.1])})
    with pytest.raises(DataError, match="missing from the predictions: method, score"):
        join({"a": predictions(["x"], [0.1]).drop_columns(["method", "score"])})
    with pytest.raises(DataError, match="'ok' has no score"):
        join({"a": predictions(["x"], [1.1])})
    with pytest.raises(DataError, match="are of a; the ensemble is made of b"):
        join({"a": predictions(["x"], [0.1])}).arranged(("b",))


def test_rows_are_taken(predictions):
    joined = join({"a": predictions(list("xyz"), [0.1, 0.2, 0.3], [0, 1, 0])})
    for rows in (np.array([True, False, True]), np.array([0, 2])):
        part = joined.take(rows)
        assert part.videos["video_id"].to_pylist() == ["x", "z"]
        assert part.scores[:, 0].tolist() == [0.1, 0.3]
        assert len(part.statuses) == 2


@pytest.mark.parametrize("members", [1, 7, 8, 9, 70])
def test_patterns(members):
    present = np.random.default_rng(0).random((500, members)) < 0.9
    patterns = pattern_index(present)
    np.testing.assert_array_equal(present[patterns.first][patterns.index], present)
    assert len(patterns.first) == len(np.unique(present, axis=0))
