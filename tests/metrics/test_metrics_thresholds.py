"""Thresholds: chosen by trying all, kept in a file, recognised on the data they were chosen on."""

import json

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import ConfigError, DataError
from zoo.metrics.table import SCHEMA, by_video
from zoo.metrics.thresholds import (
    CRITERIA,
    FLATTERING,
    Threshold,
    choose,
    choose_on,
    content_hash,
    read_threshold,
    same_videos,
    save_threshold,
)


def worth(criterion, scores, labels, threshold):
    calls = scores >= threshold
    fpr, tpr = calls[labels == 0].mean(), calls[labels == 1].mean()
    return {
        "eer": -abs(fpr - (1 - tpr)),
        "balanced_accuracy": tpr - fpr,
        "macro_f1": sk.f1_score(labels, calls, average="macro", labels=[0, 1], zero_division=0),
        "fpr_1pct": tpr if fpr <= 0.01 else -1.0,
    }[criterion]


@pytest.mark.parametrize("criterion", CRITERIA)
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.5000000000000001, 0.9, 1.0]), st.integers(0, 1)), max_size=30
    )
)
def test_no_other_threshold_is_better(criterion, rows):
    rows = [*rows, (0.3, 0), (0.7, 1)]
    scores, labels = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    chosen = worth(criterion, scores, labels, choose(scores, labels, criterion=criterion))
    best = max(worth(criterion, scores, labels, cut) for cut in [*scores, 1.5])
    assert chosen == pytest.approx(best, abs=1e-12)


def test_it_lies_half_way_between_scores():
    assert choose([0.2, 0.6], [0, 1], criterion="balanced_accuracy") == pytest.approx(0.4)


def test_one_class_and_unknown_criteria_are_refused():
    with pytest.raises(DataError, match="absent"):
        choose([0.1, 0.2], [1, 1], criterion="eer")
    with pytest.raises(ConfigError, match="No criterion"):
        choose([0.1, 0.2], [0, 1], criterion="best")


def predictions(n=40, seed=0, first=0, corpus="toy"):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    names = [f"{('real', 'swap')[label]}/{first + i // 2:03d}" for i, label in enumerate(labels)]
    columns = {
        "sample_id": names,
        "video_id": names,
        "corpus": [corpus] * n,
        "method": [("real", "swap")[label] for label in labels],
        "label": labels,
        "score": 1 / (1 + np.exp(-rng.normal(labels))),
        "start_s": [None] * n,
        "end_s": [None] * n,
        "status": ["ok"] * n,
    }
    return pa.table(columns, schema=SCHEMA)


def chosen(table, origin="validation"):
    return choose_on(table, by_video(table), criterion="eer", level_name="video", origin=origin)


def test_a_saved_threshold_is_read_as_it_was(tmp_path):
    threshold = chosen(predictions())
    save_threshold(tmp_path / "t.json", threshold)
    assert read_threshold(tmp_path / "t.json") == threshold
    saved = json.loads((tmp_path / "t.json").read_text())
    assert (saved["criterion"], saved["level"], saved["videos"]) == ("eer", "video", 40)
    assert saved["content"] == content_hash(predictions())


def test_it_is_recognised_by_content_and_by_videos_not_by_names_of_files():
    threshold = chosen(predictions())
    assert same_videos(threshold, predictions()) == 40
    assert same_videos(threshold, predictions().take(pa.array(np.arange(40)[::-1]))) == 40
    assert same_videos(threshold, predictions(seed=1)) == 40  # another model's scores of the same videos
    assert same_videos(threshold, predictions(first=15)) == 10
    assert same_videos(threshold, predictions(first=100)) == 0
    assert same_videos(threshold, predictions(corpus="other")) == 0
    assert same_videos(Threshold(value=0.3, origin="given"), predictions()) == 0


def test_videos_beyond_the_sketch_are_estimated(monkeypatch):
    monkeypatch.setattr("zoo.metrics.thresholds._SKETCH", 100)
    threshold = chosen(predictions(n=1000))
    assert len(threshold.sketch) == 100
    assert same_videos(threshold, predictions(n=1000, first=250)) == pytest.approx(500, abs=150)
    assert same_videos(threshold, predictions(n=1000, first=500)) == 0


def test_equal_rows_have_one_content_whatever_their_order_and_other_scores_have_not():
    table = predictions()
    order = pa.array(np.random.default_rng(0).permutation(40))
    assert content_hash(table.take(order)) == content_hash(table)
    assert content_hash(predictions(seed=1)) != content_hash(table)


def test_its_text_says_where_it_comes_from():
    assert Threshold().text == "0.5, the default"
    assert "frozen" in chosen(predictions()).text
    assert FLATTERING in chosen(predictions(), origin="evaluated").text


@pytest.mark.parametrize(
    "change", [{"format": "x"}, {"version": 9}, {"value": "high"}, {"value": 7}, {"content": None}, {"criterion": "x"}]
)
def test_other_files_are_refused(tmp_path, change):
    save_threshold(tmp_path / "t.json", chosen(predictions()))
    saved = json.loads((tmp_path / "t.json").read_text())
    (tmp_path / "t.json").write_text(json.dumps(saved | change))
    with pytest.raises(DataError, match="holds no threshold"):
        read_threshold(tmp_path / "t.json")


def test_a_threshold_of_no_predictions_is_not_saved(tmp_path):
    with pytest.raises(ConfigError, match="chosen on predictions"):
        save_threshold(tmp_path / "t.json", Threshold())
    with pytest.raises(DataError, match="holds no threshold"):
        read_threshold(tmp_path / "t.json")
