"""The predictions file: what is written is read, and what is wrong is named."""

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.errors import DataError, WorkDirError
from zoo.metrics.table import SCHEMA, TIMELINE
from zoo.predictions import read_predictions, write_predictions
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
