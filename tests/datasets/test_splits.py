"""Splits that every rank and machine agrees on."""

import json

import numpy as np
import pyarrow as pa
import pytest

from zoo.datasets.splits import chosen_by_hash, hashed_splits, listed_splits, split_name, stored_splits
from zoo.errors import DataError

RATIOS = (0.7, 0.1, 0.2)
PINNED = [0, 0, 2, 0, 2, 0, 0, 0, 0, 0, 1, 1]  # another value would move users' clips from one split to another


def test_hashed_splits_are_stratified_and_do_not_depend_on_order():
    ties = [[f"clip{clip}"] for clip in range(400)]
    labels = np.arange(400) % 4 == 0
    splits = hashed_splits(ties, labels, ratios=RATIOS, seed=0)
    assert np.bincount(splits[labels]).tolist() == [70, 10, 20]
    assert np.bincount(splits[~labels]).tolist() == [210, 30, 60]
    order = np.random.default_rng(0).permutation(400)
    again = hashed_splits([ties[clip] for clip in order], labels[order], ratios=RATIOS, seed=0)
    assert np.array_equal(again, splits[order])
    assert not np.array_equal(hashed_splits(ties, labels, ratios=RATIOS, seed=1), splits)


def test_hashed_splits_are_pinned():
    splits = hashed_splits([[f"clip{clip}"] for clip in range(12)], np.zeros(12, int), ratios=RATIOS, seed=0)
    assert splits.tolist() == PINNED


def test_tied_clips_stay_together():
    ties = [[f"clip{clip}", f"person{clip // 4}", f"person{clip // 8 * 2}"] for clip in range(160)]
    splits = hashed_splits(ties, np.arange(160) % 2, ratios=RATIOS, seed=3)
    for begin in range(0, 160, 8):  # persons 0 and 1 meet in one clip, and so on
        assert len(set(splits[begin : begin + 8].tolist())) == 1
    assert np.bincount(splits, minlength=3).min() > 0


@pytest.mark.parametrize("ratios", [(0.5, 0.5), (0.9, 0.2, 0.1), (1.2, -0.2, 0.0)])
def test_impossible_ratios(ratios):
    with pytest.raises(DataError, match="sum to 1"):
        hashed_splits([["a"]], np.zeros(1, int), ratios=ratios, seed=0)


def test_listed_splits_take_ids_and_unambiguous_names(tmp_path):
    path = tmp_path / "splits.json"
    path.write_text(json.dumps({"train": ["real/a", "c"], "validation": ["fake/a"]}))
    assert listed_splits(path, ["real/a", "fake/a", "fake/c", "fake/d"]).tolist() == [0, 1, 0, -1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": ["a"]}, "'a' of split 'train' is the name of several clips"),
        ({"train": ["z"]}, "is no clip"),
        ({"train": ["real/a"], "test": ["real/a"]}, "in two splits"),
        ({"tarin": []}, "Unknown split 'tarin'"),
        (["real/a"], "object of lists"),
    ],
)
def test_listed_splits_that_cannot_be(tmp_path, content, message):
    path = tmp_path / "splits.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        listed_splits(path, ["real/a", "fake/a"])


def test_a_splits_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="Cannot read the splits"):
        listed_splits(tmp_path / "absent.json", [])


def test_stored_splits():
    assert stored_splits(pa.chunked_array([["dev", "train"]]), where="x").tolist() == [1, 0]
    assert stored_splits(pa.chunked_array([[None, None]], pa.string()), where="x") is None
    with pytest.raises(DataError, match="1 of 2 clips are in no split"):
        stored_splits(pa.chunked_array([["train", None]]), where="x")
    assert split_name("valid") == "val"


def test_a_choice_by_hash_keeps_proportions():
    ids, labels = [str(clip) for clip in range(100)], np.arange(100) >= 80
    chosen = chosen_by_hash(ids, labels, 10)
    assert (np.diff(chosen) > 0).all() and labels[chosen].tolist() == [False] * 8 + [True] * 2
    assert not np.array_equal(chosen, np.arange(10))
