"""The segments file: what is written is read, and what is wrong is named."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.errors import DataError, WorkDirError
from zoo.metrics.segment_table import SCHEMA
from zoo.segments import read_segments, write_segments

ROWS = [
    ("toy", "02", "02#0", "proposal", 1.0, 2.5, 0.25, None),
    ("toy", "02", "02#0", "proposal", 1.0, 2.0, 0.75, "audio"),
    ("toy", "02", "02#0", "truth", 0.1 + 0.2, 2.0, 1.0, "video"),
    ("toy", "00012", "00012", "unknown", None, None, None, None),
]


def table_of(rows):
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"segments.{suffix}"
    write_segments(path, table_of(ROWS))
    table = read_segments(path)
    assert table.schema == SCHEMA
    assert table["video_id"].to_pylist() == ["00012", "02", "02", "02"]
    assert table["score"].to_pylist() == [None, 0.75, 0.25, 1.0]
    assert table["modality"].to_pylist() == [None, "audio", None, "video"]
    assert table["start_s"].to_pylist() == [None, 1.0, 1.0, 0.1 + 0.2]
    write_segments(path, table)
    assert read_segments(path).equals(table)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_no_segments_at_all(tmp_path, suffix):
    write_segments(tmp_path / f"a.{suffix}", table_of([]))
    assert read_segments(tmp_path / f"a.{suffix}").num_rows == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start_s": 2.0, "end_s": 1.0}, "1 rows of segments do not end after they start; the first has sample_id 's'"),
        ({"start_s": 1.0, "end_s": 1.0}, "do not end after"),
        ({"end_s": None}, "do not end after"),
        ({"end_s": float("inf")}, "do not end after"),
        ({"score": 1.5}, "score that is not in"),
        ({"score": None}, "score that is not in"),
        ({"role": "guess"}, "role that does not exist"),
        ({"role": None}, "Column 'role' has 1 empty"),
        ({"modality": "smell"}, "modality that does not exist"),
        ({"video_id": None}, "Column 'video_id' has 1 empty"),
        ({"role": "unknown"}, "have a time though the truth is unknown"),
    ],
)
def test_what_is_no_segment_is_named(tmp_path, change, words):
    good = dict(zip(SCHEMA.names, ("c", "v", "s", "proposal", 0.0, 1.0, 0.5, None), strict=True))
    with pytest.raises(DataError, match=words):
        write_segments(tmp_path / "a.parquet", pa.Table.from_pylist([good | change], schema=SCHEMA))
    assert not (tmp_path / "a.parquet").exists()


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="No such segments file"):
        read_segments(tmp_path / "absent.parquet")
    with pytest.raises(DataError, match="not without a suffix"):
        read_segments(tmp_path / "segments")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="Cannot read the segments"):
        read_segments(tmp_path / "torn.parquet")
    pq.write_table(table_of(ROWS).drop_columns(["role"]), tmp_path / "narrow.parquet")
    with pytest.raises(DataError, match="missing from the segments: role"):
        read_segments(tmp_path / "narrow.parquet")
    with pytest.raises(WorkDirError):
        write_segments(tmp_path / "torn.parquet" / "a.parquet", table_of(ROWS))
