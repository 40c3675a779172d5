"""Fake segments and frame times that FeatureDataset gives beside the features."""

import numpy as np
import pyarrow as pa
import pytest

from zoo.datasets.features import FeatureDataset
from zoo.features.layout import SCHEMA
from zoo.features.store import FeatureStoreWriter
from zoo.structures import Segment, VideoRecord

WIDTH, FRAMES = 4, 20
TRUTH = (Segment(0.123, 0.301), Segment(0.55, 0.7, modality="audio"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Clips of 20 frames at 25 a second: genuine, fake with segments, fake without, unlabelled."""
    root = tmp_path_factory.mktemp("store")
    writer = FeatureStoreWriter(root, fingerprint="x", visual_dim=WIDTH, audio_dim=WIDTH)
    rows = np.ones((FRAMES, WIDTH), np.float32)
    for name, label, segments in (("a", 0, ()), ("b", 1, TRUTH), ("c", 1, ()), ("d", -1, ())):
        record = VideoRecord(
            video_id=name, path="", corpus="c", split="test", label=label, method="m", fake_segments=segments
        )
        writer.add(record, rows, rows, np.arange(FRAMES) / 25)
    writer.pack()
    return str(root)


def samples(store, **options):
    dataset = FeatureDataset(store, split="test", test_mode=True, **options)
    return {sample.video_id: sample for sample in dataset.__getitems__(range(len(dataset)))["data_samples"]}


def test_the_truth_is_exact_empty_or_unknown(store):
    found = samples(store, seq_len=32)
    assert found["a"].fake_segments == ()
    assert found["b"].fake_segments == TRUTH
    assert found["c"].fake_segments is None and found["d"].fake_segments is None


def test_a_window_shows_what_lies_in_it(store):
    shown = samples(store, seq_len=10)["b"]
    assert (shown.start_s, shown.end_s) == pytest.approx((0.2, 0.6))
    assert shown.fake_segments == (Segment(shown.start_s, 0.301), Segment(0.55, shown.end_s, modality="audio"))
    np.testing.assert_allclose(shown.extra["frame_times"], 0.2 + np.arange(10) / 25)


def test_times_go_on_through_a_shifted_window(store):
    dataset = FeatureDataset(
        store, split="test", test_mode=True, seq_len=20, transforms=[{"type": "TemporalJitter", "max_shift": 5}]
    )
    for epoch in range(6):
        dataset.set_epoch(epoch)
        for sample in dataset.__getitems__(range(len(dataset)))["data_samples"]:
            np.testing.assert_allclose(np.diff(sample.extra["frame_times"]), 1 / 25)


def test_a_store_from_before_modalities_still_gives_segments(store, tmp_path, monkeypatch):
    dataset = FeatureDataset(store, split="test", test_mode=True)
    index = dataset.source.index
    old = pa.large_list(pa.struct([(name, pa.float64()) for name in ("start_s", "end_s", "score")]))
    plain = [[{"start_s": 0.1, "end_s": 0.2, "score": 1.0}] for _ in range(len(index))]
    column = index.column_names.index("fake_segments")
    table = index.set_column(column, pa.field("fake_segments", old), pa.array(plain, old))
    monkeypatch.setattr(dataset, "_segments", table["fake_segments"])
    found = {sample.video_id: sample for sample in dataset.__getitems__(range(len(dataset)))["data_samples"]}
    assert found["b"].fake_segments == (Segment(0.1, 0.2),)
    assert table.cast(SCHEMA)["fake_segments"][0].as_py()[0]["modality"] is None  # as packing again does
