"""One score of many, against plain loops; levels of samples, tracks and videos."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import ConfigError
from zoo.metrics.aggregation import aggregate, aggregation_text, check_aggregation, group_rows
from zoo.metrics.levels import levels_of
from zoo.metrics.table import SCHEMA, by_video

SCORE = st.floats(0.0, 1.0, allow_nan=False)
PLAIN = {
    "mean": np.mean,
    "median": np.median,
    "top1": np.max,
    "top3": lambda scores: np.mean(np.sort(scores)[::-1][:3]),
    "noisy-or": lambda scores: 1.0 - np.prod(1.0 - scores),
}


@pytest.mark.parametrize("how", PLAIN)
@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from("abcd"), SCORE), max_size=40))
def test_each_aggregation_equals_a_plain_loop(how, rows):
    names, scores = [row[0] for row in rows], np.array([row[1] for row in rows])
    groups = group_rows(pa.table({"name": pa.array(names, pa.string())}), ["name"])
    found = aggregate(scores, groups, how=how)
    order = list(dict.fromkeys(names))
    assert [names[row] for row in groups.first] == order  # groups come as they are first met
    expected = [PLAIN[how](scores[[name == wanted for name in names]]) for wanted in order]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert np.all((found >= 0) & (found <= 1))


def test_nulls_are_one_group_and_keys_do_not_run_into_each_other():
    table = pa.table({"a": ["x", "x", "xy", None, None], "b": ["yz", "z", "z", "z", "z"]})
    assert group_rows(table, ["a", "b"]).of_row.tolist() == [0, 1, 2, 3, 3]


def test_noisy_or_of_a_certain_sample_is_certain():
    groups = group_rows(pa.table({"name": ["a", "a"]}), ["name"])
    assert aggregate(np.array([1.0, 0.0]), groups, how="noisy-or").tolist() == [1.0]


@pytest.mark.parametrize("how", ["max", "top0", "top", "Mean"])
def test_other_names_are_refused(how):
    with pytest.raises(ConfigError, match="No aggregation"):
        check_aggregation(how)


def test_names_tell_people_what_they_mean():
    assert aggregation_text("mean") == "mean of the scores of its samples"
    assert aggregation_text("top5") == "mean of the 5 highest scores of its samples"


def rows_of(ids, scores, **more):
    n = len(ids)
    columns = {
        "sample_id": ids,
        "video_id": [name.partition("#")[0] for name in ids],
        "corpus": ["c"] * n,
        "method": ["m"] * n,
        "label": [1] * n,
        "score": scores,
        "start_s": [None] * n,
        "end_s": [None] * n,
        "status": ["ok"] * n,
    }
    return pa.table(columns, schema=SCHEMA) if not more else pa.table(columns | more)


IDS = ["a#00_000001", "a#00_000002", "a#01_000001", "b#00_000001"]


def test_faces_in_sample_ids_make_a_track_level():
    levels = levels_of(rows_of(IDS, [0.2, 0.4, 0.9, 0.5]), how="mean")
    assert list(levels) == ["video", "track", "sample"]
    assert levels["track"].table["score"].to_pylist() == pytest.approx([0.3, 0.9, 0.5])
    assert levels["video"].table["score"].to_pylist() == pytest.approx([0.5, 0.5])
    assert levels["track"].video.tolist() == [0, 0, 1]
    assert levels["sample"].video.tolist() == [0, 0, 0, 1]


def test_a_column_of_tracks_comes_before_sample_ids():
    levels = levels_of(rows_of(IDS, [0.2, 0.4, 0.9, 0.5], track=["x", "y", "y", "x"]))
    assert levels["track"].table["score"].to_pylist() == pytest.approx([0.2, 0.65, 0.5])


@pytest.mark.parametrize("ids", [["a#00_000001", "b#00_000001"], ["a#1.0-2.0", "a#2.0-3.0"], ["a", "b"]])
def test_there_is_no_track_level_where_it_tells_nothing(ids):
    assert list(levels_of(rows_of(ids, [0.1, 0.2]))) == ["video", "sample"]


def test_the_score_of_a_video_is_its_mean_unless_asked_otherwise():
    table = rows_of(IDS, [0.2, 0.4, 0.9, 0.5])
    assert by_video(table)["score"].to_pylist() == pytest.approx([0.5, 0.5])
    assert by_video(table, how="median")["score"].to_pylist() == pytest.approx([0.4, 0.5])
    assert by_video(table)["samples"].to_pylist() == [3, 1]
