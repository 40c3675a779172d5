"""Trees of npz files as existing users have them, and what is wrong with some."""

import numpy as np
import pytest

from zoo.errors import DataError
from zoo.features.npz_tree import NpzTree
from zoo.features.sources import open_features


def rows(frames=8, width=6, seed=0):
    return np.random.default_rng(seed).standard_normal((frames, width)).astype(np.float32)


def write_clip(folder, visual=None, audio=None, visual_extra=None, audio_extra=None):
    folder.mkdir(parents=True)
    np.savez(folder / "visual_embeddings.npz", embeddings=rows() if visual is None else visual, **(visual_extra or {}))
    np.savez(
        folder / "audio_embeddings.npz", embeddings=rows(seed=1) if audio is None else audio, **(audio_extra or {})
    )


@pytest.fixture
def root(tmp_path):
    write_clip(tmp_path / "real" / "a")
    return tmp_path


def test_a_flat_tree_is_read(root):
    write_clip(root / "fake" / "b")
    tree = open_features(root, corpus="mine")
    assert tree.index.select(["video_id", "corpus", "split", "label", "video_fake"]).to_pylist() == [
        {"video_id": "fake/b", "corpus": "mine", "split": None, "label": 1, "video_fake": None},
        {"video_id": "real/a", "corpus": "mine", "split": None, "label": 0, "video_fake": False},
    ]
    windows = tree.open(np.array([1])).read(np.array([-2]), np.array([9]), size=12)
    np.testing.assert_array_equal(windows.features["visual"][0, 2:10], rows())
    assert windows.masks["audio"][0].tolist() == [False] * 2 + [True] * 8 + [False] * 2
    assert not windows.features["audio"][0, 10:].any()
    assert tree.record(1).path == str(root / "real" / "a")


def test_a_divided_tree_tells_its_splits(tmp_path):
    write_clip(tmp_path / "train" / "real" / "a")
    write_clip(tmp_path / "test" / "fake" / "a")
    tree = open_features(tmp_path)
    assert tree.index["video_id"].to_pylist() == ["test/fake/a", "train/real/a"]
    assert tree.index["split"].to_pylist() == ["test", "train"]


def test_nothing_recognised_lists_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"meta\.json.*\{real,fake\}/<clip>/.*\{train,val,test\}"):
        open_features(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        open_features(tmp_path / "absent")


def test_an_empty_tree_is_an_error(tmp_path):
    (tmp_path / "real").mkdir()
    with pytest.raises(DataError, match="no clips"):
        open_features(tmp_path)


class Payload:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visual": np.array([[Payload()]], object)}, "pickled"),
        ({"audio": np.full((8, 6), np.nan, np.float32)}, "8 of 8 rows of audio features hold NaN"),
        ({"visual": rows(width=7)}, "visual features are 7 wide; the tree's first readable clip has 6"),
        ({"visual": rows()[0]}, r"float32 \[6\]"),
        ({"visual": rows(frames=0)}, "at least one frame"),
        ({"visual": np.ones((8, 6), int)}, "int64"),
        ({"audio": rows(frames=11)}, "8 visual and 11 audio rows"),
        ({"visual_extra": {"frame_labels": np.zeros(5, np.int32)}}, "frame_labels"),
        ({"visual_extra": {"fps": np.float64(0)}}, "fps is 0"),
    ],
)
def test_bad_clips_are_refused_and_named(root, change, message, capsys):
    write_clip(root / "real" / "b", **change)
    tree = NpzTree(root)
    with pytest.raises(DataError, match=message) as caught:
        tree.load(1)
    assert str(root / "real" / "b") in caught.value.where
    assert list(tree.scan(np.arange(2))) == ["real/b"]
    assert "executed" not in capsys.readouterr().out


def test_a_missing_or_damaged_file_is_named(root):
    write_clip(root / "real" / "b")
    path = root / "real" / "b" / "audio_embeddings.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="Cannot read") as caught:
        NpzTree(root).load(1)
    assert caught.value.where == str(path)
    path.unlink()
    with pytest.raises(DataError, match="Cannot read"):
        NpzTree(root).load(1)


def test_lengths_that_differ_a_little_are_cut(root):
    write_clip(root / "real" / "b", audio=rows(frames=10, seed=1), visual_extra={"frame_labels": np.ones(8, np.int32)})
    clip = NpzTree(root).load(1)
    assert {name: values.shape for name, values in clip.features.items()} == {"visual": (8, 6), "audio": (8, 6)}
    assert (clip.frames["label"] == 1).all()
    with pytest.raises(DataError, match="differ by 1"):
        NpzTree(root, max_extra_rows=1).load(1)


def test_known_rates_join_audio_by_time(root):
    audio = np.arange(20, dtype=np.float32)[:, None].repeat(6, 1)
    write_clip(root / "real" / "b", audio=audio, visual_extra={"fps": 25.0}, audio_extra={"fps": 50.0})
    write_clip(root / "real" / "c", audio=audio[:5], visual_extra={"fps": 25.0}, audio_extra={"fps": 25.0})
    tree = NpzTree(root)
    assert tree.load(1).features["audio"][:, 0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    np.testing.assert_allclose(tree.load(1).frames["time"], np.arange(8) / 25)
    short = tree.load(2)
    assert short.frames["audio"].tolist() == [1] * 5 + [0] * 3
    assert short.frames["visual"].all() and not short.features["audio"][5:].any()


def test_one_stream_is_read_alone(root):
    write_clip(root / "real" / "b", audio=np.full((3, 6), np.nan))
    windows = NpzTree(root).open(np.array([1]), ("visual",)).read(np.array([0]), np.array([8]), size=8)
    assert list(windows.features) == list(windows.masks) == ["visual"]
    np.testing.assert_array_equal(windows.features["visual"][0], rows())


def test_provenance_changes_with_the_files(root):
    before = NpzTree(root).provenance()
    assert before["kind"] == "npz_tree" and before == NpzTree(root).provenance()
    write_clip(root / "real" / "b")
    assert NpzTree(root).provenance()["hash"] != before["hash"]
