"""The table of predictions: its checks, its videos, its slices, and their figures as JSON."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from zoo.errors import DataError
from zoo.metrics.summary import LEVELS, SCALARS, scalars_of, summarize
from zoo.metrics.table import SCHEMA, by_video, check_table, in_order, pair_of, scored


def row(sample_id, label, score, *, video_id=None, method=None, corpus="toy", status="ok", **more):
    method = method or ("real", "swap")[label or 0]
    video_id = video_id or f"{corpus}/{method}/{sample_id}"
    values = (sample_id, video_id, corpus, method, label, score, None, None, status)
    return dict(zip(SCHEMA.names, values, strict=True)) | more


def table_of(*rows):
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def test_a_video_scores_the_mean_of_its_samples():
    table = table_of(
        row("a:0", 0, 0.2, video_id="a"),
        row("b:0", 1, 0.9, video_id="b"),
        row("a:1", 0, 0.4, video_id="a"),
        row("b:1", 1, 0.5, video_id="b"),
    )
    videos = by_video(table).to_pylist()
    assert [(v["video_id"], v["score"], v["label"], v["samples"]) for v in videos] == [
        ("a", pytest.approx(0.3), 0, 2),
        ("b", pytest.approx(0.7), 1, 2),
    ]


def test_a_video_is_fake_when_any_of_its_samples_is():
    rows = [row("a:0", 0, 0.2, video_id="a", method="edit"), row("a:1", 1, 0.4, video_id="a", method="edit")]
    assert by_video(table_of(*rows))["label"].to_pylist() == [1]


@pytest.mark.parametrize("bare", [False, True], ids=["ids with the method", "bare ids"])
def test_a_detector_blind_to_one_method_is_seen(bare):
    """Videos of different methods share their stems; merged, the methods it sees would hide the one it does not."""
    rng = np.random.default_rng(0)
    stems = [f"{i:03d}" for i in range(20)]
    rows = []
    for method in ("real", "Deepfakes", "Face2Face", "NeuralTextures"):
        seen = method in ("Deepfakes", "Face2Face")
        for stem in stems:
            video_id = stem if bare else f"ff++/{method}/{stem}"
            score = rng.uniform(0.8, 1.0) if seen else rng.uniform(0.0, 0.4)
            rows.append(row(f"{method}/{stem}:0", int(method != "real"), score, video_id=video_id, method=method))
    summary = summarize(table_of(*rows))
    assert summary["video"]["n"] == 80
    assert summary["per_method"]["Deepfakes"]["video"]["auc"] == 1.0
    assert summary["per_method"]["NeuralTextures"]["video"]["auc"] < 0.7
    assert summary["video"]["auc"] < 0.9
    assert summary["per_method"]["Face2Face"]["video"]["n_real"] == 20


def test_a_method_is_set_against_the_reals_of_its_own_corpora():
    rows = [
        row("1", 0, 0.1, corpus="x"),
        row("2", 1, 0.9, corpus="x", method="m"),
        row("1", 0, 0.95, corpus="y"),
        row("2", 1, 0.3, corpus="y", method="n"),
    ]
    summary = summarize(table_of(*rows))
    assert {name: part["sample"]["auc"] for name, part in summary["per_method"].items()} == {"m": 1.0, "n": 0.0}
    assert {name: part["sample"]["n"] for name, part in summary["per_corpus"].items()} == {"x": 2, "y": 2}
    assert summary["sample"]["auc"] == 0.5


def test_rows_without_a_score_or_a_label_are_counted_and_enter_no_figure():
    rows = [
        row("1", 0, 0.1),
        row("2", 1, 0.9),
        row("3", 1, None, status="no_face"),
        row("4", None, 0.7, method="wild"),
    ]
    summary = summarize(table_of(*rows))
    assert summary["status"] == {"no_face": 1, "ok": 3}
    assert (summary["n"], summary["unlabelled"], summary["sample"]["n"]) == (4, 1, 2)
    assert summary["sample"]["confusion_matrix"] == [[1, 0], [0, 1]]


def test_undefined_figures_are_null_with_a_reason_and_nan_as_scalars():
    summary = summarize(table_of(row("1", 1, 0.9), row("2", 1, 0.3)))
    text = json.dumps(summary, allow_nan=False)
    assert json.loads(text) == summary
    assert summary["video"]["auc"] is None
    assert summary["video"]["undefined"]["auc"] == "no real sample among 2 (fake only)"
    assert summary["video"]["accuracy"] == 0.5
    assert summary["video"]["per_class"]["real"]["recall"] is None
    scalars = scalars_of(summary)
    assert set(scalars) == {f"{level}/{name}" for level in LEVELS for name in SCALARS}
    assert math.isnan(scalars["video/auc"])
    assert "undefined" not in summarize(table_of(row("1", 1, 0.9), row("2", 0, 0.3)))["video"]


def test_an_empty_table_gives_reasons_not_errors():
    summary = summarize(table_of())
    assert summary["n"] == 0
    assert summary["video"]["undefined"]["accuracy"] == "no labelled sample has a score"


def test_the_order_of_rows_changes_nothing_to_the_last_bit():
    rng = np.random.default_rng(1)
    rows = [
        row(f"{i:03d}", i % 2, float(rng.random()), video_id=f"v{i % 10}", method=("real", "swap")[i % 2])
        for i in range(100)
    ]
    first = summarize(table_of(*rows))
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(100)
        assert summarize(table_of(*[rows[i] for i in order])) == first


def test_in_order_keeps_the_first_of_repeated_samples():
    table = in_order(table_of(row("b", 0, 0.1), row("a", 1, 0.5), row("b", 0, 0.9), row("a", 1, 0.6, corpus="z")))
    assert list(zip(table["sample_id"].to_pylist(), table["score"].to_pylist(), strict=True)) == [
        ("a", 0.5),
        ("b", 0.1),
        ("a", 0.6),
    ]


def test_pair_of_gives_arrays_of_the_scored_rows():
    scores, labels = pair_of(scored(table_of(row("1", 0, 0.25), row("2", 1, None, status="decode_error"))))
    assert (scores.tolist(), labels.tolist()) == ([0.25], [0])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("a", 0, 0.1), row("b", 2, 0.1, method="m")], "label that is not 0, 1 or null"),
        ([row("a", 0, 1.5)], "score that is not in"),
        ([row("a", 0, float("nan"))], "score that is not in"),
        ([row("a", 0, -0.1)], "score that is not in"),
        ([row("a", 0, None)], "have status 'ok' and no score"),
        ([row("a", 0, 0.5, status="no_face")], "though their status is not 'ok'"),
        ([row("a", 0, 0.1), row("b", 0, 0.2), row("a", 0, 0.1)], "repeat a sample_id; the first is 'a'"),
        ([row("a", 0, 0.1) | {"video_id": None}], "'video_id' has 1 empty"),
    ],
)
def test_bad_rows_are_refused(rows, words):
    with pytest.raises(DataError, match=words):
        check_table(table_of(*rows), where="here.csv")


def test_missing_columns_and_wrong_types_are_refused():
    table = table_of(row("a", 0, 0.1))
    with pytest.raises(DataError, match="missing from the predictions: method, score"):
        check_table(table.drop_columns(["score", "method"]))
    wrong = table.set_column(5, "score", pa.array(["high"]))
    with pytest.raises(DataError, match="'score' cannot be read as double"):
        check_table(wrong)


def test_other_types_of_the_same_values_are_taken():
    table = table_of(row("a", 0, 0.5), row("b", 1, 0.25))
    other = table.set_column(4, "label", pa.array([0, 1], pa.int64())).set_column(
        5, "score", pa.array([0.5, 0.25], pa.float32())
    )
    assert check_table(other.drop_columns(["start_s", "end_s"])).equals(table)
