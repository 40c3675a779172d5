"""The FakeAVCeleb reader against the table's oddities."""

import logging
from pathlib import Path

import pytest
from corpus_trees import FAKEAVCELEB_HEADER as HEADER
from corpus_trees import fakeavceleb_row as row
from corpus_trees import fakeavceleb_tree as write_tree

from zoo.datasets.corpora.base import Corpus
from zoo.datasets.corpora.fakeavceleb import FakeAVCeleb
from zoo.datasets.corpora.grouping import connected_groups, split_groups
from zoo.errors import ConfigError, DataError
from zoo.registry import build


def people(count: int) -> list[str]:
    return [row(f"id{number:05d}") for number in range(count)]


def test_a_record_of_every_category(tmp_path):
    rows = [
        row("id00001"),
        row("id00002", "B", "rtvc", "00001_fake.mp4"),
        row("id00003", "C", "faceswap", "00001_2.mp4", target1="id00009", race="Asian (East)"),
        row("id00004", "D", "fsgan-wav2lip", "x.mp4"),
    ]
    records = {record.method: record for record in FakeAVCeleb().read(write_tree(tmp_path, rows))}
    assert {method: record.label for method, record in records.items()} == {
        "real": 0,
        "rtvc": 1,
        "faceswap": 1,
        "fsgan-wav2lip": 1,
    }
    swapped = records["faceswap"]
    assert swapped.video_id == "fakeavceleb/FakeVideo-RealAudio/Asian (East)/men/id00003/00001_2"
    assert Path(swapped.path) == tmp_path / "FakeVideo-RealAudio/Asian (East)/men/id00003/00001_2.mp4"
    assert swapped.identities == {"id00003", "id00009"}
    assert (swapped.video_fake, swapped.audio_fake) == (True, False)
    assert (records["rtvc"].video_fake, records["rtvc"].audio_fake) == (False, True)
    assert (records["real"].video_fake, records["real"].audio_fake) == (False, False)
    assert swapped.corpus == "fakeavceleb"


def test_a_file_with_two_rows_is_one_video_with_the_people_of_both(tmp_path):
    twice = [row("id00001", "C", "fsgan", "x.mp4", target1=target) for target in ("id00002", "id00003")]
    scan = FakeAVCeleb().scan(write_tree(tmp_path, [*people(1), *twice, *people(9)[4:]]))
    assert scan.repeated == 1
    (fake,) = [record for record in scan.records if record.label]
    assert fake.identities == {"id00001", "id00002", "id00003"}


def test_windows_separators_and_a_byte_order_mark_are_read(tmp_path):
    rows = people(6)
    write_tree(tmp_path, rows)
    text = "\ufeff" + "\r\n".join([HEADER, *(line.replace("/", "\\") for line in rows)])
    (tmp_path / "meta_data.csv").write_bytes(text.encode())
    assert len(FakeAVCeleb().read(tmp_path)) == 6


def test_linked_identities_share_a_split(tmp_path):
    rows = people(40)
    rows += [row("id00000", "C", "faceswap", "s.mp4", target1="id00001")]
    rows += [row("id00002", "C", "faceswap", "s.mp4", target1="id00001", target2="id00003")]
    records = FakeAVCeleb().read(write_tree(tmp_path, rows))
    splits = {}
    for record in records:
        for person in record.identities:
            splits.setdefault(person, set()).add(record.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*(splits[f"id0000{number}"] for number in range(4)))) == 1
    sizes = {split: sum(record.split == split for record in records) for split in ("train", "val", "test")}
    assert sizes["train"] == pytest.approx(0.7 * 42, abs=2) and min(sizes.values()) >= 4


def test_the_split_depends_on_the_seed_alone(tmp_path):
    root = write_tree(tmp_path, people(30))

    def splits(seed):
        return [record.split for record in FakeAVCeleb(seed=seed).read(root)]

    assert splits(0) == splits(0) != splits(1)


def test_no_split_stays_empty_while_there_are_groups(tmp_path):
    records = FakeAVCeleb().read(write_tree(tmp_path, people(3)))
    assert {record.split for record in records} == {"train", "val", "test"}


def test_too_few_groups_for_the_splits_is_an_error(tmp_path):
    with pytest.raises(DataError, match="No identity is left for the split"):
        FakeAVCeleb().read(write_tree(tmp_path, people(2)))


@pytest.mark.parametrize("ratios", [{}, {"train": 0.5}, {"train": 1.2, "test": -0.2}])
def test_ratios_must_be_shares(ratios):
    with pytest.raises(ConfigError, match="sum to 1"):
        FakeAVCeleb(ratios=ratios)


def test_missing_and_empty_files_are_named_and_skipped_up_to_a_share(tmp_path, caplog):
    rows = [*people(20), row("id00019", file="gone.mp4"), row("id00018", file="empty.mp4")]
    root = write_tree(tmp_path, rows, without=("gone.mp4",))
    (root / "RealVideo-RealAudio/African/men/id00018/empty.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 of 22 .*empty\.mp4 \(empty\).*gone\.mp4 \(missing\)"):
        FakeAVCeleb().read(root)
    with caplog.at_level(logging.WARNING):
        scan = FakeAVCeleb(max_skipped=0.1).scan(root)
    assert len(scan.records) == 20 and sorted(scan.skipped.values()) == ["empty", "missing"]
    assert "gone.mp4 (missing)" in caplog.text


@pytest.mark.parametrize("nested", [".", "FakeAVCeleb", "FakeAVCeleb_v1.2"])
def test_the_tree_is_found_in_or_below_the_root(tmp_path, nested):
    write_tree(tmp_path / nested, people(6))
    assert FakeAVCeleb.recognise(tmp_path) == tmp_path / nested
    assert len(FakeAVCeleb().read(tmp_path)) == 6


def test_an_unknown_tree_is_one_error_that_lists_what_was_looked_for(tmp_path):
    assert FakeAVCeleb.recognise(tmp_path) is None
    with pytest.raises(DataError, match=r"not recognised.*meta_data\.csv, RealVideo-RealAudio"):
        FakeAVCeleb().read(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        FakeAVCeleb().read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("id1,-,-,real,A", "5 cells"),
        (row("id00001").replace(",A,", ",E,"), "cannot be understood"),
        (row("id00001").replace("FakeAVCeleb/", "../"), "cannot be understood"),
        (row("id00001").replace("FakeAVCeleb/", "/etc/"), "cannot be understood"),
    ],
)
def test_a_row_that_makes_no_sense_is_an_error_with_its_line(tmp_path, line, message):
    root = write_tree(tmp_path, people(6))
    with open(root / "meta_data.csv", "a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=message) as caught:
        FakeAVCeleb().read(root)
    assert "line 8" in caught.value.where


@pytest.mark.parametrize("content", [b"", b"a,b,c\n1,2,3\n", b"\xff\xfe\x00binary"])
def test_another_table_is_an_error(tmp_path, content):
    root = write_tree(tmp_path, people(6))
    (root / "meta_data.csv").write_bytes(content)
    with pytest.raises(DataError, match="table"):
        FakeAVCeleb().read(root)


def test_the_registry_builds_the_reader():
    assert isinstance(build("corpus", {"type": "FakeAVCeleb", "seed": 3}), Corpus)


def test_groups_are_joined_through_common_members():
    groups = connected_groups([{"a", "b"}, {"c"}, {"d", "b"}, {"e", "f"}])
    assert groups == {"a": "a", "b": "a", "d": "a", "c": "c", "e": "e", "f": "e"}


def test_large_groups_are_placed_first():
    members = ["big"] * 70 + [f"small{number}" for number in range(30)]
    splits = split_groups(members, ratios={"train": 0.7, "test": 0.3}, seed=0, where="here")
    assert splits["big"] == "train" and {splits[f"small{number}"] for number in range(30)} == {"test"}
