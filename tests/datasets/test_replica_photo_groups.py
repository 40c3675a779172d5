"""Shares of the photographs without a common face, and several people after one photograph in one split."""

import numpy as np
import pytest

from zoo.datasets.replica.celebdf import CelebDFReplica
from zoo.datasets.replica.dfdc import DFDCReplica
from zoo.datasets.replica.faceforensics import FaceForensicsReplica
from zoo.datasets.replica.photos import Photograph
from zoo.datasets.replica.visual import split_pairs
from zoo.errors import ConfigError, DataError

REPLICAS = [CelebDFReplica, DFDCReplica, FaceForensicsReplica]


def photograph(number):
    return Photograph(name=str(number), pixels=np.zeros((8, 8, 3), np.uint8), points=np.zeros((5, 2), np.float32))


@pytest.mark.parametrize("replica", REPLICAS)
def test_no_photograph_is_in_two_splits_nor_swapped_with_two(replica):
    each = 3
    clips = [clip for clip in replica(identities=24, people_per_photo=each).clips if clip.identity < 24]
    splits, partners = {}, {}
    for clip in clips:
        splits.setdefault(clip.identity // each, set()).add(clip.split)
        if clip.donor is not None:
            partners.setdefault(clip.identity // each, set()).add(clip.donor[0] // each)
    assert len(splits) == len(partners) == 8
    assert all(len(found) == 1 for found in splits.values())
    assert all(len(found) == 1 for found in partners.values())
    assert len({clip.split for clip in clips}) >= 2


def test_people_after_one_photograph_are_in_one_part():
    parts = {}
    for clip in DFDCReplica(identities=24, people_per_photo=3, parts=3).clips:
        parts.setdefault(clip.identity // 3, set()).add(clip.files[0].path.parent.name)
    assert all(len(found) == 1 for found in parts.values())
    assert len(set.union(*parts.values())) == 4  # three parts and the test videos


def test_groups_of_pairs_are_dealt_out_whole():
    pairs = [(n, n + 100) for n in range(24)]
    dealt = split_pairs(pairs, {"train": 0.72, "test": 0.14, "val": 0.14}, together=4)
    assert {name: len(found) for name, found in dealt.items()} == {"train": 16, "test": 4, "val": 4}
    assert [pair for name in ("train", "val", "test") for pair in dealt[name]] == pairs


def test_shares_have_no_photograph_in_common(monkeypatch):
    monkeypatch.setattr(
        "zoo.datasets.replica.base.Replica._photographs", lambda self: ([photograph(n) for n in range(8)], [])
    )
    shares = [FaceForensicsReplica(photo_share=(n, 3))._photographs()[0] for n in (1, 2, 3)]
    assert [[one.name for one in share] for share in shares] == [["0", "3", "6"], ["1", "4", "7"], ["2", "5"]]


def test_a_share_without_photographs_is_refused():
    with pytest.raises(DataError, match="cannot be dealt out"):
        FaceForensicsReplica(photo_share=(2, 2))._photographs()  # the built-in one alone


@pytest.mark.parametrize("share", [(0, 3), (4, 3)])
def test_a_share_that_does_not_exist_is_refused(share):
    with pytest.raises(ConfigError, match="no share"):
        FaceForensicsReplica(photo_share=share)


def test_people_that_cannot_be_paired_are_refused():
    with pytest.raises(DataError) as error:
        FaceForensicsReplica(identities=20, people_per_photo=4)
    assert "24" in error.value.next_step
    with pytest.raises(ConfigError, match="at least 1"):
        FaceForensicsReplica(people_per_photo=0)


def test_the_settings_tell_both():
    settings = FaceForensicsReplica(identities=12, people_per_photo=3, photo_share=(1, 2)).settings()
    assert settings["people_per_photo"] == 3 and settings["photo_share"] == [1, 2]
