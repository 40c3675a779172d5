"""The Celeb-DF reader: the list that has it the other way round, and people that recur."""

import pytest
from corpus_trees import celebdf, written

from zoo.datasets.corpora.celebdf import CelebDF
from zoo.errors import DataError


def by_id(scan):
    return {record.video_id: record for record in scan.records}


def test_one_in_the_list_is_real_and_becomes_zero(tmp_path):
    records = by_id(CelebDF().scan(celebdf(tmp_path)))
    assert "1 Celeb-real/id0_0000.mp4" in (tmp_path / "List_of_testing_videos.txt").read_text().splitlines()
    labels = {name: record.label for name, record in records.items() if record.split == "test"}
    assert labels == {
        "celebdf/Celeb-real/id0_0000": 0,
        "celebdf/YouTube-real/00003": 0,
        "celebdf/Celeb-synthesis/id0_id1_0000": 1,
    }


@pytest.mark.parametrize("line", ["0 Celeb-real/id0_0000.mp4", "1 Celeb-synthesis/id0_id1_0000.mp4", "label path"])
def test_a_flipped_list_or_one_with_a_header_is_an_error_with_its_line(tmp_path, line):
    root = celebdf(tmp_path)
    written(root / "List_of_testing_videos.txt", f"1 Celeb-real/id1_0000.mp4\n{line}\n")
    with pytest.raises(DataError, match="1 is real, 0 is fake") as caught:
        CelebDF().read(root)
    assert "line 2" in caught.value.where


def test_the_first_line_counts_and_the_rest_is_for_training(tmp_path):
    records = by_id(CelebDF().scan(celebdf(tmp_path)))
    assert records["celebdf/Celeb-real/id0_0000"].split == "test"
    assert sum(record.split == "train" for record in records.values()) == 34 - 3


@pytest.mark.parametrize(("inside", "youtube"), [("videos/", "YouTube-real"), ("", "Youtube-real")])
def test_other_spellings_of_the_tree_give_the_same_ids(tmp_path, inside, youtube):
    plain = by_id(CelebDF().scan(celebdf(tmp_path / "plain")))
    other = by_id(CelebDF().scan(celebdf(tmp_path / "other", inside=inside, youtube=youtube)))
    assert {name: record.split for name, record in plain.items()} == {name: r.split for name, r in other.items()}


def test_people_and_originals(tmp_path):
    records = by_id(CelebDF().scan(celebdf(tmp_path)))
    fake = records["celebdf/Celeb-synthesis/id2_id3_0000"]
    assert fake.identities == {"celebdf/id2", "celebdf/id3"}
    assert fake.original == "celebdf/Celeb-real/id2_0000" and fake.original in records
    assert records["celebdf/YouTube-real/00000"].identities == frozenset()


def test_people_recur_in_the_official_test_and_not_with_identity_disjoint(tmp_path):
    def crossing(records):
        seen = {}
        for record in records:
            for person in record.identities:
                seen.setdefault(person, set()).add(record.split)
        return {person for person, splits in seen.items() if len(splits) > 1}

    root = celebdf(tmp_path)
    assert crossing(CelebDF().read(root)) == {"celebdf/id0", "celebdf/id1"}
    (root / "List_of_testing_videos.txt").unlink()  # not needed then
    scan = CelebDF(identity_disjoint=True).scan(root)
    assert crossing(scan.records) == set() and scan.excluded
    assert {record.split for record in scan.records} == {"train", "val", "test"}


def test_listed_test_videos_that_are_not_there_are_missing(tmp_path):
    root = celebdf(tmp_path)
    (root / "YouTube-real/00003.mp4").unlink()
    assert CelebDF(max_skipped=0.1).scan(root).skipped == {"YouTube-real/00003.mp4": "missing"}


def test_windows_separators_are_read_and_paths_out_of_the_corpus_refused(tmp_path):
    root = celebdf(tmp_path)
    written(root / "List_of_testing_videos.txt", "1 Celeb-real\\id0_0000.mp4\r\n")
    assert by_id(CelebDF().scan(root))["celebdf/Celeb-real/id0_0000"].split == "test"
    written(root / "List_of_testing_videos.txt", "1 ../Celeb-real/id0_0000.mp4\n")
    with pytest.raises(DataError, match="no path below"):
        CelebDF().read(root)


def test_without_its_list_the_official_split_is_an_error(tmp_path):
    root = celebdf(tmp_path)
    (root / "List_of_testing_videos.txt").unlink()
    with pytest.raises(DataError, match="list of test videos") as caught:
        CelebDF().read(root)
    assert "identity_disjoint" in caught.value.next_step
