"""The packed feature store: writing, packing, reading, and what it refuses."""

import itertools
import json
import multiprocessing
import pickle
import shutil

import numpy as np
import pytest
import torch

from zoo.errors import DataError
from zoo.features.layout import BLOBS, INDEX, META
from zoo.features.store import FeatureStore, FeatureStoreWriter
from zoo.structures import Segment, VideoRecord

WIDTH = 6


def record(name, label=0, **facts):
    facts = {"path": f"{name}.mp4", "corpus": "corpus", "split": None, "method": "real", **facts}
    return VideoRecord(video_id=name, label=label, **facts)


def features(seed, frames, width=WIDTH):
    return np.random.default_rng(seed).standard_normal((frames, width)).astype(np.float32)


def writer_of(root, **options):
    return FeatureStoreWriter(root, **{"fingerprint": {"name": "test"}, "visual_dim": WIDTH, "audio_dim": 4, **options})


def add(writer, name, seed, frames=10, **options):
    times = np.arange(frames) / 25
    writer.add(record(name, seed % 2), features(seed, frames), features(-seed % 97, frames, 4), times, **options)


@pytest.fixture
def store(tmp_path):
    writer = writer_of(tmp_path / "store")
    for clip in range(5):
        add(writer, f"clip/{clip}", clip, frames=10 + clip)
    writer.pack()
    return FeatureStore(tmp_path / "store")


def files_of(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_what_was_written_is_read(store):
    assert len(store) == 5
    windows = store.read(np.arange(5), np.zeros(5, int), store.lengths)
    for clip in range(5):
        frames = 10 + clip
        np.testing.assert_array_equal(windows.features["visual"][clip, :frames], features(clip, frames))
        np.testing.assert_array_equal(windows.features["audio"][clip, :frames], features(-clip % 97, frames, 4))
        np.testing.assert_allclose(windows.times[clip, :frames], np.arange(frames) / 25)
        assert windows.masks["visual"][clip].sum() == frames
        assert not windows.features["visual"][clip, frames:].any()
    assert (windows.frame_labels == -1).all()


def test_windows_beyond_the_clip_are_masked_and_never_wrap(store):
    windows = store.read([0, 0, 0, 0], [-3, 8, 20, -9], [5, 16, 26, -2], size=9)
    clip = features(0, 10)
    np.testing.assert_array_equal(windows.features["visual"][0, 3:8], clip[:5])
    np.testing.assert_array_equal(windows.features["visual"][1, :2], clip[8:])
    assert windows.masks["visual"].tolist() == [
        [False] * 3 + [True] * 5 + [False],
        [True] * 2 + [False] * 7,
        [False] * 9,
        [False] * 9,
    ]
    assert not windows.features["visual"][~windows.masks["visual"]].any()
    assert not windows.features["audio"][~windows.masks["audio"]].any()


def test_a_window_longer_than_its_place_is_an_error(store):
    with pytest.raises(ValueError, match="longer than size"):
        store.read([0], [0], [10], size=9)


def test_half_precision_is_read_as_float32(tmp_path):
    writer = writer_of(tmp_path, dtype="float16")
    add(writer, "a", 1)
    writer.pack()
    rows = FeatureStore(tmp_path).read([0], [0], [12]).features["visual"]
    assert rows.dtype == torch.float32
    np.testing.assert_array_equal(rows[0, :10], features(1, 10).astype(np.float16).astype(np.float32))
    assert not rows[0, 10:].any()


def test_records_masks_labels_and_arrays_are_kept(tmp_path):
    writer = writer_of(tmp_path, saved_arrays={"projection": np.eye(3)})
    full = record(
        "ff++/Deepfakes/000_003",
        1,
        split="val",
        method="Deepfakes",
        identities=frozenset({"000", "003"}),
        source_videos=frozenset({"000"}),
        fake_segments=(Segment(0.1, 0.2, 0.5),),
        video_fake=True,
        audio_fake=False,
        duration_s=0.4,
        fps=25.0,
        has_audio=True,
    )
    seen = np.arange(10) % 3 > 0
    labels = (np.arange(10) > 4).astype(np.int64)
    writer.add(full, features(1, 10), None, np.arange(10) / 25, seen, frame_labels=labels, ledger={"decoded": 10})
    writer.pack()
    store = FeatureStore(tmp_path)
    assert store.record(0) == full
    assert json.loads(store.index["ledger"][0].as_py()) == {"decoded": 10}
    windows = store.read([0], [0], [10])
    assert windows.masks["visual"][0].tolist() == seen.tolist()
    assert not windows.masks["audio"].any() and not windows.features["audio"].any()
    assert not windows.features["visual"][0][~seen].any()
    assert windows.frame_labels[0].tolist() == labels.tolist()
    np.testing.assert_array_equal(store.saved_array("projection"), np.eye(3))


def test_packing_gives_the_same_bytes_in_any_order_and_after_any_interruption(tmp_path, monkeypatch):
    results = []
    for turn, order in enumerate(itertools.islice(itertools.permutations(range(4)), 0, 24, 7)):
        root = tmp_path / str(turn)
        for step, clip in enumerate(order):
            writer = writer_of(root)
            add(writer, f"clip/{clip}", clip, frames=5 + clip)
            if turn == step:
                writer.pack()
        if turn == 2:  # stop before the new pack becomes valid, then begin again
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr("zoo.features.layout.StoreMeta.write", _interrupt)
                writer_of(root).pack()
            assert writer_of(root).done() == {f"clip/{clip}" for clip in range(4)}
        writer_of(root).pack()
        writer_of(root).pack()
        results.append(files_of(root))
    assert len(results) == 4
    assert all(result == results[0] for result in results)
    assert {name.rpartition("/")[2] for name in results[0]} == {META, INDEX, *BLOBS}


def _interrupt(*_):
    raise KeyboardInterrupt


def test_done_counts_parts_and_packed_clips_of_any_status(tmp_path):
    writer = writer_of(tmp_path)
    add(writer, "a", 0)
    writer.pack()
    writer.add(record("b"), status="decode_error")
    assert writer_of(tmp_path).done() == {"a", "b"}


def test_a_clip_that_is_added_again_replaces_the_packed_one(tmp_path):
    writer = writer_of(tmp_path)
    add(writer, "a", 0)
    add(writer, "b", 1)
    before = writer.pack().hash
    add(writer, "a", 2, frames=7)
    assert writer.pack().hash != before
    store = FeatureStore(tmp_path)
    assert len(store) == 2 and store.lengths.tolist() == [7, 10]
    np.testing.assert_array_equal(store.read([0], [0], [7]).features["visual"][0], features(2, 7))


def _add_range(root, begin, end):
    writer = writer_of(root)
    for clip in range(begin, end):
        add(writer, f"clip/{clip}", clip)


def test_several_processes_write_one_store(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add_range, args=(tmp_path, 4 * rank, 4 * rank + 4)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert writer_of(tmp_path).pack().clips == 8
    assert FeatureStore(tmp_path).scan(np.arange(8)) == {}


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": {"name": "another"}},
        {"visual_dim": WIDTH + 1},
        {"dtype": "float16"},
        {"saved_arrays": {"projection": np.ones(3)}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_store_of_two_extractors_is_refused(tmp_path, other):
    writer_of(tmp_path)
    with pytest.raises(DataError, match=f"another extractor.*{next(iter(other)).replace('saved_', '')}"):
        writer_of(tmp_path, **other)


def test_parts_of_another_extractor_are_refused_at_packing(tmp_path):
    for name in ("one", "two"):
        add(writer_of(tmp_path / name, fingerprint=name), name, 1)
    shutil.copytree(tmp_path / "two" / "parts", tmp_path / "one" / "parts", dirs_exist_ok=True)
    with pytest.raises(DataError, match="'two' come from another extractor"):
        writer_of(tmp_path / "one", fingerprint="one").pack()


def test_broken_parts_are_named(tmp_path):
    writer = writer_of(tmp_path)
    add(writer, "a", 0)
    (part,) = tmp_path.rglob("*.part")
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    with pytest.raises(DataError, match="cut short") as caught:
        writer.pack()
    assert caught.value.where == str(part)
    part.write_bytes(b"garbage")
    with pytest.raises(DataError, match="Not a feature part"):
        writer.done()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visual": np.full((10, WIDTH), np.nan, np.float32)}, "10 of 10 rows of visual features hold NaN"),
        ({"visual": features(0, 10, WIDTH + 1)}, r"shape \(10, 7\), expected \(10, 6\)"),
        ({"audio": features(0, 9, 4)}, r"audio features have shape \(9, 4\)"),
        ({"times": np.arange(10)[::-1] / 25}, "do not fall"),
        ({"times": np.full(10, np.nan)}, "finite seconds"),
        ({"visual_mask": np.ones(9, bool)}, "visual_mask must be bool"),
        ({"audio": None, "audio_mask": np.ones(10, bool)}, "audio features are absent"),
        ({"frame_labels": np.full(10, 2)}, "frame_labels must be 0, 1 or -1"),
        ({"visual": None, "audio": None, "times": None}, "no frames"),
    ],
)
def test_features_that_are_refused(tmp_path, change, message):
    writer = writer_of(tmp_path)
    given = {"visual": features(0, 10), "audio": features(1, 10, 4), "times": np.arange(10) / 25, **change}
    with pytest.raises(DataError, match=message) as caught:
        writer.add(record("bad/clip"), **given)
    assert "'bad/clip'" in caught.value.what
    assert writer.done() == set()


def test_too_large_for_half_precision_is_refused(tmp_path):
    writer = writer_of(tmp_path, dtype="float16")
    with pytest.raises(DataError, match="too large for float16"):
        writer.add(record("a"), np.full((2, WIDTH), 1e6), None, [0, 1])


def test_nan_where_there_was_no_face_is_allowed(tmp_path):
    writer = writer_of(tmp_path)
    rows, seen = features(0, 4), np.array([True, False, True, True])
    rows[1] = np.nan
    writer.add(record("a"), rows, None, np.arange(4), seen)
    writer.pack()
    assert torch.isfinite(FeatureStore(tmp_path).read([0], [0], [4]).features["visual"]).all()


def test_scan_names_clips_whose_bytes_changed(store):
    path = store.root / store.meta.pack / "visual.bin"
    blob = bytearray(path.read_bytes())
    blob[10 * 4 * WIDTH] ^= 1  # the first byte of the second clip
    path.write_bytes(blob)
    assert list(FeatureStore(store.root).scan(np.arange(5))) == ["clip/1"]


def test_a_pack_that_does_not_fit_its_meta_is_refused(store):
    path = store.root / store.meta.pack / "audio.bin"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="size"):
        FeatureStore(store.root)


def test_nothing_packed_and_no_store_are_errors(tmp_path):
    with pytest.raises(DataError, match=r"meta\.json is missing"):
        FeatureStore(tmp_path)
    add(writer_of(tmp_path), "a", 0)
    with pytest.raises(DataError, match="no packed clip"):
        FeatureStore(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "Cannot read"), ("[]", "Not the meta"), ('{"format": "zoo-feature-store", "version": 99}', "version 99")],
)
def test_a_foreign_meta_is_refused(tmp_path, text, message):
    (tmp_path / META).write_text(text)
    with pytest.raises(DataError, match=message):
        FeatureStore(tmp_path)


def test_a_store_crosses_process_boundaries(store):
    copy = pickle.loads(pickle.dumps(store))
    assert copy.hash == store.hash and copy.fingerprint == {"name": "test"}
    window = ([2], [1], [9])
    torch.testing.assert_close(copy.read(*window).features, store.read(*window).features)


def test_memory_of_a_batch_is_reused_only_when_it_is_free(store):
    first = store.read([0], [0], [8]).features["visual"]
    kept, address = first.clone(), first.data_ptr()
    second = store.read([1], [0], [8]).features["visual"]
    assert second.data_ptr() != address
    torch.testing.assert_close(first, kept, rtol=0, atol=0)
    view = first[0, 2:]
    del first
    assert store.read([1], [0], [8]).features["visual"].data_ptr() != address
    torch.testing.assert_close(view, kept[0, 2:], rtol=0, atol=0)
