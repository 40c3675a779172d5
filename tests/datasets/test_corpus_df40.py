"""DF40: where fakes come from, by the names of folders and files."""

import pytest
from corpus_trees import FF_PAIRS, df40, touched, written

from zoo.datasets.corpora.df40 import DF40
from zoo.errors import DataError


def by_id(scan):
    return {record.video_id: record for record in scan.records}


def test_frames_and_videos_name_their_sources(tmp_path):
    records = by_id(DF40().scan(df40(tmp_path)))
    frame = records["df40/simswap/ff/frames/000_003/024"]
    assert (frame.label, frame.method, frame.path) == (1, "simswap", f"{tmp_path}/simswap/ff/frames/000_003/024.png")
    assert frame.source_videos == {"ff++/youtube/000", "ff++/youtube/003"}
    assert frame.identities == {"ff++/000", "ff++/003"} and frame.original == "ff++/youtube/000"
    reenacted = records["df40/fomm/ff/000_003"]
    assert reenacted.source_videos == frame.source_videos and reenacted.original is None
    celebrity = records["df40/simswap/cdf/frames/id0_id1_0000/000"]
    assert (
        celebrity.identities == {"celebdf/id0", "celebdf/id1"} and celebrity.original == "celebdf/Celeb-real/id0_0000"
    )


def test_celebrities_and_unknown_origins_are_for_tests(tmp_path):
    records = by_id(DF40().scan(df40(tmp_path)))
    assert {r.split for name, r in records.items() if "/cdf/" in name or "/heygen/" in name} == {"test"}
    assert (records["df40/heygen/real/b"].label, records["df40/heygen/real/b"].method) == (0, "real")
    assert (records["df40/heygen/fake/a"].label, records["df40/heygen/fake/a"].method) == (1, "heygen")


def test_ids_at_the_root_of_a_method_tell_their_domain(tmp_path):
    records = by_id(DF40().scan(df40(tmp_path)))
    assert records["df40/facedancer/000_003/000"].identities == {"ff++/000", "ff++/003"}
    assert records["df40/facedancer/000_003/000"].split == records["df40/fomm/ff/000_003"].split
    assert records["df40/facedancer/id3_id4_0001/000"].split == "test"
    touched(tmp_path / "train", "inswap/000_003/000.png", "inswap/010_011/000.png", "inswap/020_021/000.png")
    assert len(DF40().read(tmp_path / "train")) == 3


def test_official_splits_of_faceforensics_are_followed(tmp_path):
    root = df40(tmp_path)
    for split, pairs in FF_PAIRS.items():
        written(root / "splits" / f"{split}.json", pairs)
    touched(root, "fomm/ff/000_031.mp4")
    scan = DF40().scan(root)
    records = by_id(scan)
    assert records["df40/fomm/ff/020_021"].split == "val"
    assert {r.split for name, r in records.items() if "030_031" in name} == {"test"}
    assert scan.excluded == {"fomm/ff/000_031.mp4": "in no official split of FaceForensics++"}
    with pytest.raises(DataError, match="No official splits"):
        DF40(splits=root / "fomm").read(root)


def test_empty_files_are_tolerated_and_counted_up_to_a_share(tmp_path):
    root = df40(tmp_path)
    (root / "simswap/ff/frames/000_003/024.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"024\.png \(empty\)"):
        DF40(max_skipped=0.01).read(root)
    assert DF40(max_skipped=0.1).scan(root).skipped == {"simswap/ff/frames/000_003/024.png": "empty"}


def test_frames_without_ids_stay_with_their_folder_and_loose_pictures_alone(tmp_path):
    clips = [f"ddim/ff/clip{n}/{k}.png" for n in range(6) for k in range(2)]
    records = by_id(DF40().scan(touched(tmp_path, *clips, *(f"VQGAN/ff/face{n}.png" for n in range(6)))))
    for n in range(6):
        assert len({records[f"df40/ddim/ff/clip{n}/{k}"].split for k in range(2)}) == 1
    assert len({records[f"df40/VQGAN/ff/face{n}"].split for n in range(6)}) > 1


def test_other_folders_are_not_taken_for_methods(tmp_path):
    assert DF40.recognise(touched(tmp_path, "train/real/a.mp4", "train/fake/b.mp4")) is None
