"""The predictions file: what is written is read, and what is wrong is named."""

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.errors import DataError, WorkDirError
from zoo.metrics.table import SCHEMA, TIMELINE
from zoo.predictions import read_predictions, read_scores, write_predictions
from zoo.structures import Prediction

ROWS = [
    Prediction(sample_id="007", video_id="07", corpus="toy", method="swap", label=1, score=0.1 + 0.2, start_s=0.0),
    Prediction(sample_id="001", video_id="01", corpus="toy", method="real", label=0, score=1e-300, end_s=2.5),
    Prediction(sample_id="002", video_id="NA", corpus="toy", method="", label=None, score=None, status="no_face"),
]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"predictions.{suffix}"
    write_predictions(path, ROWS)
    table = read_predictions(path)
    assert table.schema.names == SCHEMA.names
    assert table["sample_id"].to_pylist() == ["001", "002", "007"]
    assert table["video_id"].to_pylist() == ["01", "NA", "07"]
    assert table["score"].to_pylist() == [1e-300, None, 0.1 + 0.2]
    assert table["label"].to_pylist() == [0, None, 1]
    assert table["start_s"].to_pylist() == [None, None, 0.0]
    write_predictions(path, table)
    assert read_predictions(path).equals(table)


def test_timelines_live_in_parquet_only(tmp_path):
    row = dataclasses.asdict(ROWS[0]) | {"timeline": [0.0, 1.0]}
    table = pa.Table.from_pylist([row], schema=SCHEMA.append(TIMELINE))
    write_predictions(tmp_path / "a.parquet", table)
    assert read_predictions(tmp_path / "a.parquet")["timeline"].to_pylist() == [[0.0, 1.0]]
    write_predictions(tmp_path / "a.csv", table)
    assert "timeline" not in read_predictions(tmp_path / "a.csv").column_names


HEADER = "sample_id,video_id,corpus,method,label,score,status\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "a,a,c,m,1,0.5,ok\na,a,c,m,1,0.5,ok\n", "repeat a sample_id; the first is 'a'"),
        (HEADER + "a,a,c,m,2,0.5,ok\n", "label that is not 0, 1 or null"),
        (HEADER + "a,a,c,m,1,1.5,ok\n", "score that is not in"),
        (HEADER + "a,a,c,m,1,nan,ok\n", "score that is not"),
        (HEADER + "a,a,c,m,1,inf,ok\n", "score that is not in"),
        (HEADER + "a,a,c,m,1,high,ok\n", "Cannot read the predictions"),
        (HEADER + "a,a,c,m,fake,0.5,ok\n", "Cannot read the predictions"),
        (HEADER + "a,a,c,m,1,,ok\n", "have status 'ok' and no score"),
        ("sample_id,score\na,0.5\n", "missing from the predictions: video_id, corpus, method, label, status"),
        ("", "Cannot read the predictions"),
        (HEADER + "a,b\n", "Cannot read the predictions"),
    ],
)
def test_bad_csv_is_named(tmp_path, text, words):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        read_predictions(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", b"\x00" * 100])
def test_broken_parquet_is_named(tmp_path, content):
    path = tmp_path / "predictions.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="Cannot read the predictions"):
        read_predictions(path)


def test_nan_in_parquet_is_named(tmp_path):
    path = tmp_path / "predictions.parquet"
    row = dataclasses.asdict(ROWS[0]) | {"score": float("nan")}
    pq.write_table(pa.Table.from_pylist([row]), path)
    with pytest.raises(DataError, match=r"score that is not in \[0, 1\]; .*sample_id '007', label 1, score nan"):
        read_predictions(path)


def test_absent_file_and_unknown_suffix(tmp_path):
    with pytest.raises(DataError, match="No such predictions file"):
        read_predictions(tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"not \.json"):
        read_predictions(tmp_path / "p.json")
    with pytest.raises(DataError, match="not without a suffix"):
        write_predictions(tmp_path / "p", ROWS)


def test_bad_rows_leave_what_was_there(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, ROWS)
    before = path.read_bytes()
    with pytest.raises(DataError, match="repeat"):
        write_predictions(path, [*ROWS, ROWS[0]])
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["predictions.parquet"]


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkDirError):
        write_predictions(tmp_path / "file" / "p.csv", ROWS)


def scores_of(tmp_path, text):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    return read_scores(path)


def test_scores_alone_are_rows(tmp_path):
    table, notes = scores_of(tmp_path, "video_id,score\n00012,0.25\nb,\n")
    assert table.schema == SCHEMA
    assert table["video_id"].to_pylist() == table["sample_id"].to_pylist() == ["00012", "b"]
    assert table["score"].to_pylist() == [0.25, None]
    assert table["status"].to_pylist() == ["ok", "no_score"]
    assert table["corpus"].to_pylist() == table["method"].to_pylist() == ["unknown"] * 2
    assert table["label"].to_pylist() == [None, None]
    assert list(notes) == ["columns_assumed"]
    assert notes["columns_assumed"].startswith("The file has no column corpus, label, method, status, sample_id: ")


def test_a_method_that_is_not_told_is_the_label_s_name(tmp_path):
    table, _ = scores_of(tmp_path, "video_id,label,score\na,0,0.1\nb,1,0.2\nc,,0.3\n")
    assert table["method"].to_pylist() == ["real", "fake", "unknown"]


def test_columns_that_are_there_are_kept(tmp_path):
    text = "video_id,score,corpus,method,status,sample_id,members,further\na,0.5,toy,swap,ok,a@1,one+two,9\n"
    table, notes = scores_of(tmp_path, text)
    assert table.column_names == [*SCHEMA.names, "members"]
    [row] = table.to_pylist()
    assert [row[name] for name in ("corpus", "method", "sample_id", "members")] == ["toy", "swap", "a@1", "one+two"]
    assert "label" in notes["columns_assumed"]
    assert "corpus" not in notes["columns_assumed"]


def test_a_whole_file_is_read_as_predictions_are(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, ROWS)
    table, notes = read_scores(path)
    assert table.equals(read_predictions(path))
    assert notes == {}


def test_samples_of_a_video_are_numbered(tmp_path):
    table, _ = scores_of(tmp_path, "video_id,score\nb,0.1\na,0.2\nb,0.3\nb,0.4\n")
    assert table["sample_id"].to_pylist() == ["b#0", "a#0", "b#1", "b#2"]
    assert table["score"].to_pylist() == [0.1, 0.2, 0.3, 0.4]


def test_rows_repeated_as_they_are_count_once(tmp_path):
    table, notes = scores_of(tmp_path, "video_id,score\nb,0.1\na,0.2\nb,0.1\nb,0.1\n")
    assert table["sample_id"].to_pylist() == ["b", "a"]
    assert notes["duplicates"].startswith("2 rows repeat another")


def test_a_timeline_is_no_hindrance_to_finding_repeated_rows(tmp_path):
    row = dataclasses.asdict(ROWS[0]) | {"timeline": [0.0, 1.0]}
    pq.write_table(pa.Table.from_pylist([row, row], schema=SCHEMA.append(TIMELINE)), tmp_path / "s.parquet")
    table, notes = read_scores(tmp_path / "s.parquet")
    assert table["timeline"].to_pylist() == [[0.0, 1.0]]
    assert "duplicates" in notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video_id,label\na,1\n", "missing from the scores: score"),
        ("name,prob\na,1\n", "missing from the scores: video_id, score"),
        ("video_id,sample_id,score\na,1,0.5\na,1,0.6\n", "repeat a sample_id; the first is '1'"),
        ("video_id,score\na,1.5\n", r"score that is not in \[0, 1\]"),
        ("video_id,score\na,-3.2\n", r"score that is not in \[0, 1\]"),
        ("video_id,score\na,nan\n", "score that is not"),
        ("video_id,label,score\na,2,0.5\n", "label that is not 0, 1 or null"),
        ("video_id,status,score\na,ok,\n", "have status 'ok' and no score"),
        ("video_id,status,score\na,no_face,0.5\n", "score though their status is not 'ok'"),
    ],
)
def test_scores_that_are_refused(tmp_path, text, words):
    with pytest.raises(DataError, match=words) as caught:
        scores_of(tmp_path, text)
    assert caught.value.where == str(tmp_path / "scores.csv")


def test_an_empty_table_of_scores_is_empty(tmp_path):
    table, _ = scores_of(tmp_path, "video_id,score\n")
    assert len(table) == 0
    assert table.schema == SCHEMA


def test_an_empty_video_id_is_refused(tmp_path):
    pq.write_table(pa.table({"video_id": ["a", None], "score": [0.1, 0.2]}), tmp_path / "s.parquet")
    with pytest.raises(DataError, match="empty cells"):
        read_scores(tmp_path / "s.parquet")


def test_integer_ids_of_parquet_become_words(tmp_path):
    pq.write_table(pa.table({"video_id": [7, 7, 8], "score": [0.1, 0.2, 0.3]}), tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet")[0]["sample_id"].to_pylist() == ["7#0", "7#1", "8#0"]
