"""zoo pack-features: an npz tree becomes a store that holds the same."""

import numpy as np
import pytest

from zoo.cli import main, run
from zoo.features.npz_tree import NpzTree
from zoo.features.store import FeatureStore


@pytest.fixture
def tree(tmp_path):
    for clip, name in enumerate(("real/a", "fake/b", "fake/c")):
        folder = tmp_path / "tree" / name
        folder.mkdir(parents=True)
        for stream in ("visual", "audio"):
            rows = np.random.default_rng(clip).standard_normal((5 + clip, 4)).astype(np.float32)
            np.savez(folder / f"{stream}_embeddings.npz", embeddings=rows, frame_labels=np.full(5 + clip, clip > 0))
    return tmp_path / "tree"


def pack(tree, *more):
    store = tree.parent / "store"
    options = ["--input", str(tree), "--output", str(store), "--fingerprint", "vgg+mel", *more]
    return run(lambda: main(["pack-features", *options])), store


def test_the_store_holds_what_the_tree_holds(tree, capsys):
    code, root = pack(tree, "--fps", "25")
    assert code == 0 and "3 clips, 18 rows" in capsys.readouterr().out
    source, store = NpzTree(tree), FeatureStore(root)
    assert store.fingerprint == "vgg+mel"
    window = (np.arange(3), np.zeros(3, int), np.array([6, 7, 5]))
    packed, loose = store.read(*window), source.open(window[0]).read(*window[1:], size=7)
    for name in ("visual", "audio"):
        np.testing.assert_array_equal(packed.features[name], loose.features[name])
        np.testing.assert_array_equal(packed.masks[name], loose.masks[name])
    np.testing.assert_array_equal(packed.frame_labels, loose.frame_labels)
    assert [store.record(row) for row in range(3)] == [source.record(row) for row in range(3)]
    assert store.read([0], [0], [6]).times[0].tolist() == [step / 25 for step in range(6)]
    assert pack(tree, "--fps", "25")[0] == 0
    assert FeatureStore(root).hash == store.hash


def test_unknown_rates_need_an_answer(tree, capsys):
    assert pack(tree)[0] == 2
    assert "--fps" in capsys.readouterr().err


def test_broken_clips_stop_it_unless_a_share_is_allowed(tree, capsys):
    np.savez(tree / "fake" / "b" / "audio_embeddings.npz", embeddings=np.full((6, 4), np.nan))
    assert pack(tree, "--fps", "25")[0] == 2
    assert "NaN" in capsys.readouterr().err
    code, root = pack(tree, "--fps", "25", "--max-bad-fraction", "0.4")
    assert code == 0 and "left out fake/b" in capsys.readouterr().out
    assert FeatureStore(root).index["video_id"].to_pylist() == ["fake/c", "real/a"]
