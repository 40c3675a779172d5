"""WildDeepfake: sequences inside archives, which can be hostile."""

import gzip
import tarfile

import pytest
from corpus_trees import archive, wilddeepfake

from zoo.datasets.corpora import wilddeepfake as module
from zoo.datasets.corpora.wilddeepfake import WildDeepfake


def by_id(scan):
    return {record.video_id: record for record in scan.records}


@pytest.mark.parametrize(("gap", "below"), [("_", "."), (" ", "deepfake_in_the_wild")])
def test_a_record_is_a_folder_of_faces_inside_an_archive(tmp_path, gap, below):
    wilddeepfake(tmp_path / below, gap=gap)
    records = by_id(WildDeepfake().scan(tmp_path))
    assert len(records) == 2 * 5 * 2
    fake = records["wilddeepfake/fake_train/3/3/fake/1"]
    assert (fake.label, fake.split, fake.method, fake.member) == (1, "train", "wild", "3/fake/1")
    assert fake.path == str(tmp_path / below / f"fake{gap}train" / "3.tar.gz")
    assert fake.source_videos == {"wilddeepfake/fake_train/3"}
    with tarfile.open(fake.path) as file:  # the member is where the record says
        assert {name.removeprefix("./") for name in file.getnames()} >= {f"{fake.member}/{n}.png" for n in (10, 20)}
    assert {record.split for record in records.values()} == {"train", "test"}


def test_validation_sequences_are_taken_by_archive(tmp_path):
    records = by_id(WildDeepfake(val_share=0.25).scan(wilddeepfake(tmp_path)))
    splits = {}
    for record in records.values():
        splits.setdefault(record.path, set()).add(record.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {record.split for record in records.values()} == {"train", "val", "test"}


def test_entries_that_leave_the_archive_are_named_and_not_used(tmp_path):
    root = wilddeepfake(tmp_path)
    archive(
        root / "fake_train" / "9.tar.gz",
        "9/fake/0/1.png",
        "../../etc/2.png",
        "/abs/3.png",
        "9/fake/1/notes.txt",
        "9/\udcff/4.png",
    )
    scan = WildDeepfake(max_skipped=0.5).scan(root)
    assert {name for name in by_id(scan) if "/9/" in name} == {"wilddeepfake/fake_train/9/9/fake/0"}
    assert scan.skipped == {
        "fake_train/9.tar.gz: ../../etc/2.png": "the name leaves the archive",
        "fake_train/9.tar.gz: /abs/3.png": "the name leaves the archive",
        "fake_train/9.tar.gz: 9/\\udcff/4.png": "the name is no valid UTF-8",
    }


def test_links_and_devices_are_no_pictures(tmp_path):
    root = wilddeepfake(tmp_path)
    with tarfile.open(root / "fake_train" / "9.tar.gz", "w:gz") as file:
        link = tarfile.TarInfo("9/fake/0/1.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    assert WildDeepfake(max_skipped=0.5).scan(root).skipped == {"fake_train/9.tar.gz": "archive holds no pictures"}


def test_broken_archives_are_counted(tmp_path):
    root = wilddeepfake(tmp_path)
    whole = (root / "real_train" / "1.tar.gz").read_bytes()
    (root / "real_train" / "7.tar.gz").write_bytes(whole[: len(whole) // 2])
    (root / "real_train" / "8.tar.gz").write_bytes(b"")
    (root / "real_train" / "9.tar.gz").write_bytes(gzip.compress(b"no archive" * 200))
    skipped = WildDeepfake(max_skipped=0.5).scan(root).skipped
    assert sorted(skipped) == [f"real_train/{n}.tar.gz" for n in (7, 8, 9)]
    assert skipped["real_train/8.tar.gz"] == "empty"
    assert all("cannot be read" in skipped[f"real_train/{n}.tar.gz"] for n in (7, 9))


@pytest.mark.parametrize("limit", ["_MOST_MEMBERS", "_MOST_BYTES"])
def test_an_archive_beyond_the_limits_is_not_listed_to_its_end(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(module, limit, 3)
    scan = WildDeepfake(max_skipped=1.0)._scan(wilddeepfake(tmp_path))
    assert not scan.records and all("unpacks to more than" in reason for reason in scan.skipped.values())
