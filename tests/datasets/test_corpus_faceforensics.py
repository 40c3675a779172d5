"""FaceForensics++ and DeepFakeDetection, which share the shape of their trees."""

from pathlib import Path

import pytest
from corpus_trees import FF_PAIRS, dfd, faceforensics, faceforensics_plain, touched, written

from zoo.datasets.corpora.deepfakedetection import DeepFakeDetection
from zoo.datasets.corpora.faceforensics import FaceForensics
from zoo.datasets.corpora.known_leaks import FACEFORENSICS, PAIRS
from zoo.datasets.corpora.reading import find_corpus
from zoo.errors import ConfigError, DataError


def by_id(scan):
    return {record.video_id: record for record in scan.records}


def test_official_splits_give_both_ways_of_a_pair_and_both_genuine_videos(tmp_path):
    records = by_id(FaceForensics().scan(faceforensics(tmp_path)))
    for split, pairs in FF_PAIRS.items():
        for a, b in pairs:
            for name in (f"youtube/{a}", f"youtube/{b}", f"Deepfakes/{a}_{b}", f"FaceShifter/{b}_{a}"):
                assert records[f"ff++/{name}"].split == split
    assert len(records) == 8 + 2 * 8


def test_the_facts_of_a_fake_and_of_a_genuine_video(tmp_path):
    records = by_id(FaceForensics().scan(faceforensics(tmp_path)))
    fake = records["ff++/Deepfakes/000_003"]
    assert Path(fake.path) == tmp_path / "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"
    assert (fake.label, fake.method, fake.video_fake, fake.audio_fake, fake.has_audio) == (
        1,
        "Deepfakes",
        True,
        False,
        False,
    )
    assert fake.original == "ff++/youtube/000"
    assert fake.source_videos == {"ff++/youtube/000", "ff++/youtube/003"}
    assert fake.identities == {"ff++/000", "ff++/003"}
    assert Path(fake.mask_path) == tmp_path / "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4"
    assert records["ff++/Deepfakes/003_000"].mask_path is None
    real = records["ff++/youtube/000"]
    assert (real.label, real.method, real.original, real.source_videos) == (0, "real", None, frozenset())
    assert real.identities == {"ff++/000"}


def test_a_fake_whose_numbers_are_in_two_splits_or_none_is_left_out_and_counted(tmp_path, caplog):
    root = faceforensics(tmp_path)
    folder = "manipulated_sequences/Deepfakes/c23/videos"
    touched(root, f"{folder}/000_031.mp4", f"{folder}/000_999.mp4", "original_sequences/youtube/c23/videos/999.mp4")
    scan = FaceForensics().scan(root)
    assert {Path(path).stem for path in scan.excluded} == {"000_031", "000_999", "999"}
    assert not by_id(scan).keys() & {"ff++/Deepfakes/000_031", "ff++/Deepfakes/000_999", "ff++/youtube/999"}
    assert "3 videos of ff++ are left out: in no official split" in caplog.text


def test_what_the_official_splits_name_and_is_not_there_is_missing(tmp_path):
    root = faceforensics(tmp_path)
    (root / "original_sequences/youtube/c23/videos/031.mp4").unlink()
    (root / "manipulated_sequences/FaceShifter/c23/videos/000_003.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 of 24 .*000_003\.mp4 \(empty\).*031\.mp4 \(missing\)"):
        FaceForensics().read(root)
    assert len(FaceForensics(max_skipped=0.1).read(root)) == 22


def test_the_compression_is_the_one_there_or_the_one_named(tmp_path):
    root = faceforensics(tmp_path, compressions=("raw", "c40"))
    with pytest.raises(ConfigError, match="several compressions: raw, c40"):
        FaceForensics().read(root)
    with pytest.raises(ConfigError, match="'c23' is not there; there is raw, c40"):
        FaceForensics(compression="c23").read(root)
    assert {Path(record.path).parts[-3] for record in FaceForensics(compression="raw").read(root)} == {"raw"}
    (tmp_path / "bare" / "original_sequences" / "youtube").mkdir(parents=True)
    with pytest.raises(DataError, match="No videos of any compression"):
        FaceForensics().read(tmp_path / "bare")


def test_splits_can_lie_elsewhere(tmp_path):
    root = faceforensics(tmp_path / "corpus", splits=False)
    for split, pairs in FF_PAIRS.items():
        written(tmp_path / "lists" / f"{split}.json", pairs)
    assert by_id(FaceForensics(splits=tmp_path / "lists").scan(root))["ff++/youtube/031"].split == "test"
    with pytest.raises(DataError, match="No official splits"):
        FaceForensics(splits=tmp_path).read(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [([["000", "003"], ["030"]], "lists of pairs"), ([["000", "021"]], "000 is in the splits"), ("{", "Cannot read")],
)
def test_splits_that_make_no_sense_are_an_error(tmp_path, content, message):
    root = faceforensics(tmp_path)
    written(root / "splits" / "test.json", content)
    with pytest.raises(DataError, match=message):
        FaceForensics().read(root)


@pytest.mark.parametrize("start", [".", "raw"])
def test_the_tree_raw_real_and_raw_fake_is_read(tmp_path, start):
    root = faceforensics_plain(tmp_path)
    touched(root, "raw/fake/Own/holiday film.mov", "raw/real/003.avi")
    scan = FaceForensics(max_skipped=0.1).scan(root / start)
    records = by_id(scan)
    assert scan.skipped == {"real/003.mp4": "another file has its name"}
    fake = records["ff++/Own/000_003"]
    assert (fake.method, fake.label, fake.original, fake.has_audio) == ("Own", 1, "ff++/youtube/000", None)
    assert fake.split == records["ff++/youtube/003"].split
    assert records["ff++/Own/holiday film"].identities == frozenset()
    with pytest.raises(ConfigError, match="does not tell compressions"):
        FaceForensics(compression="c23").read(root)


def test_real_and_fake_folders_of_other_names_are_not_taken_for_it(tmp_path):
    touched(tmp_path, "real/000.mp4", "fake/swap/000_003.mp4")
    assert find_corpus(tmp_path) == "VideoFolder"
    touched(tmp_path / "other", "raw/real/a.mp4", "raw/fake/swap/b.mp4")
    assert find_corpus(tmp_path / "other") == "VideoFolder"


def test_both_corpora_in_one_tree_are_each_read_and_not_guessed(tmp_path):
    dfd(faceforensics(tmp_path))
    with pytest.raises(ConfigError, match="looks like DeepFakeDetection and FaceForensics"):
        find_corpus(tmp_path)
    assert {record.method for record in FaceForensics().read(tmp_path)} == {"real", "Deepfakes", "FaceShifter"}
    assert {record.method for record in DeepFakeDetection().read(tmp_path)} == {"real", "DeepFakeDetection"}


def test_known_leaks_are_pairs_of_ids():
    assert len(FACEFORENSICS) == 7 and ("ff++/youtube/755", "ff++/youtube/756") in FACEFORENSICS
    assert set(FACEFORENSICS) <= set(PAIRS)
    assert all(name.startswith("ff++/youtube/") for pair in FACEFORENSICS for name in pair)


def test_actors_and_originals_of_dfd(tmp_path):
    root = dfd(tmp_path)
    touched(root, "manipulated_sequences/DeepFakeDetection/masks/videos/01_02__kitchen_pan__ABCD12E0.mp4")
    record = by_id(DeepFakeDetection().scan(root))["dfd/DeepFakeDetection/01_02__kitchen_pan__ABCD12E0"]
    assert record.identities == {"dfd/01", "dfd/02"} and record.original == "dfd/actors/01__kitchen_pan"
    assert record.mask_path.endswith("masks/videos/01_02__kitchen_pan__ABCD12E0.mp4")


def test_linked_actors_are_split_by_leaving_out_fakes_between(tmp_path):
    separate, linked = (DeepFakeDetection().scan(dfd(tmp_path / str(way), linked=way)) for way in (False, True))
    assert not separate.excluded and len(separate.records) == 24
    assert len(linked.records) + len(linked.excluded) == 24
    assert set(linked.excluded.values()) == {"its people are in different splits"}
    assert sum(record.label == 0 for record in linked.records) == 12 and any(record.label for record in linked.records)


def test_a_name_that_tells_no_actor_is_skipped(tmp_path):
    root = touched(dfd(tmp_path), "manipulated_sequences/DeepFakeDetection/c23/videos/strange.mp4")
    assert list(DeepFakeDetection(max_skipped=0.1).scan(root).skipped.values()) == ["its name tells no actor"]
