import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.datasets.manifest import MANIFEST, SCHEMA, provenance_hash, read_manifest, split_hash, write_manifest
from zoo.errors import DataError, WorkDirError

HOW = {"detector": "SquareDetector", "margin": 0.2, "encoding": {"format": "jpg", "quality": 95}}


def rows(count=6, **columns):
    table = {
        "sample_id": [f"c/v{n // 3}#00_{n % 3:06d}" for n in range(count)],
        "video_id": [f"c/v{n // 3}" for n in range(count)],
        "corpus": ["c"] * count,
        "split": ["train" if n < 3 else None for n in range(count)],
        "label": [n // 3 for n in range(count)],
        "method": ["m"] * count,
        "identities": [["a", "b"]] * count,
        "source_videos": [[]] * count,
        "original": [None] * count,
        "track": [0] * count,
        "position": [n % 3 for n in range(count)],
        "time_s": [n / 7 for n in range(count)],
        "path": [f"train/real/c/v{n // 3}/00_{n % 3:06d}.jpg" for n in range(count)],
        "box": [[0.5, 1.25, 2.0, n + 0.1] for n in range(count)],
        "score": [0.9] * count,
        "detector": ["SquareDetector"] * count,
        "phash": [np.uint64(2**64 - 1 - n) for n in range(count)],
        "points": [None if n % 3 else [n + place / 4 for place in range(10)] for n in range(count)],
    }
    return pa.table({**table, **columns}, schema=SCHEMA)


def test_what_is_written_is_read_back(tmp_path):
    write_manifest(tmp_path / MANIFEST, rows(), provenance=HOW)
    for path in (tmp_path, tmp_path / MANIFEST):
        manifest = read_manifest(path)
        assert manifest.table.equals(rows())
        assert manifest.provenance == HOW and manifest.root == tmp_path
        assert manifest.crop_hash == provenance_hash(HOW)
    assert int(manifest.table["phash"][0].as_py()) == 2**64 - 1


def test_a_manifest_of_before_points_were_kept_has_none(tmp_path):
    write_manifest(tmp_path / MANIFEST, rows(), provenance=HOW)
    written = pq.read_table(tmp_path / MANIFEST)
    pq.write_table(written.drop_columns("points"), tmp_path / MANIFEST)
    table = read_manifest(tmp_path).table
    assert table.schema.equals(SCHEMA) and table["points"].null_count == 6
    assert table.drop_columns("points").equals(rows().drop_columns("points"))
    assert read_manifest(tmp_path, columns=["points", "path"]).table.column_names == ["points", "path"]
    assert read_manifest(tmp_path, columns=["path"]).table.column_names == ["path"]


def test_equal_rows_in_any_order_and_grouping_give_equal_bytes(tmp_path):
    table = rows(60)
    mixed = table.take(pa.array(np.random.default_rng(0).permutation(60)))
    chunked = pa.concat_tables([mixed.slice(start, 7) for start in range(0, 60, 7)])
    for name, one in (("a", table), ("b", mixed), ("c", chunked)):
        write_manifest(tmp_path / name, one, provenance=dict(reversed(HOW.items())) if name == "b" else HOW)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    write_manifest(tmp_path / "d", table, provenance={**HOW, "margin": 0.3})
    assert (tmp_path / "a").read_bytes() != (tmp_path / "d").read_bytes()


def test_no_rows_are_a_manifest_too(tmp_path):
    write_manifest(tmp_path / MANIFEST, SCHEMA.empty_table(), provenance=HOW)
    assert read_manifest(tmp_path).table.num_rows == 0


def test_hashes_tell_settings_and_splits_apart():
    assert provenance_hash({"a": 1, "b": {"c": 2}}) == provenance_hash({"b": {"c": 2}, "a": 1})
    assert provenance_hash({"a": 1}) != provenance_hash({"a": 2})
    table = rows()
    assert split_hash(table) == split_hash(table.take(pa.array([5, 4, 0, 1, 2, 3]))) == split_hash(rows(5))
    assert split_hash(table) != split_hash(rows(split=["train"] * 6))


def test_two_rows_with_one_id_are_refused(tmp_path):
    with pytest.raises(DataError, match="Two crops have the id 'c/v0#00_000001'"):
        write_manifest(tmp_path / MANIFEST, pa.concat_tables([rows(), rows().slice(1, 1)]), provenance=HOW)
    assert not (tmp_path / MANIFEST).exists()


def test_other_columns_are_named(tmp_path):
    with pytest.raises(DataError, match="lacks the columns box, phash"):
        write_manifest(tmp_path / MANIFEST, rows().drop_columns(["box", "phash"]), provenance=HOW)
    with pytest.raises(DataError, match="other types"):
        label = pa.array(["fake"] * 6)
        write_manifest(tmp_path / MANIFEST, rows().set_column(4, "label", label), provenance=HOW)
    more = rows().append_column("more", pa.array(range(6)))
    write_manifest(tmp_path / MANIFEST, more, provenance=HOW)
    assert read_manifest(tmp_path).table.column_names == SCHEMA.names


def test_what_is_no_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such manifest"):
        read_manifest(tmp_path)
    path = tmp_path / MANIFEST
    path.write_bytes(b"no Parquet")
    with pytest.raises(DataError, match="no manifest of crops"):
        read_manifest(path)
    pq.write_table(rows(), path)  # without its head
    with pytest.raises(DataError, match="no manifest of crops"):
        read_manifest(path)
    pq.write_table(rows().replace_schema_metadata({b"zoo": b'{"version": 99, "provenance": {}}'}), path)
    with pytest.raises(DataError, match="version 99"):
        read_manifest(path)
    write_manifest(path, rows(), provenance=HOW)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="no manifest of crops"):
        read_manifest(path)


def test_an_unwritable_place_is_named():
    with pytest.raises(WorkDirError, match="Cannot write"):
        write_manifest("/proc/manifest.parquet", rows(), provenance=HOW)
