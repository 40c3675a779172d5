import pytest

from zoo.datasets.corpora.video_folder import VideoFolder
from zoo.errors import DataError
from zoo.registry import build


def touched(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def read(root):
    return {record.video_id: record for record in build("corpus", {"type": "VideoFolder"}).read(root)}


def test_splits_labels_and_methods_are_read_off_the_folders(tmp_path):
    root = touched(tmp_path, "train/real/a.mp4", "val/fake/swap/b.MP4", "test/fake/c.avi", "test/real/x/y/d.mkv")
    facts = {name: (record.split, record.label, record.method) for name, record in read(root).items()}
    assert facts == {
        "videos/train/real/a.mp4": ("train", 0, "real"),
        "videos/val/fake/swap/b.MP4": ("val", 1, "swap"),
        "videos/test/fake/c.avi": ("test", 1, "fake"),
        "videos/test/real/x/y/d.mkv": ("test", 0, "real"),
    }


def test_without_splits_and_without_labels(tmp_path):
    records = read(touched(tmp_path / "labelled", "real/a.mp4", "fake/a.mp4"))
    assert [(record.split, record.label) for record in records.values()] == [(None, 1), (None, 0)]
    (plain,) = read(touched(tmp_path / "plain", "train/holiday.mp4")).values()
    assert (plain.split, plain.label, plain.method) == (None, -1, "unknown")
    (single,) = read(tmp_path / "plain" / "train" / "holiday.mp4").values()
    assert (single.video_id, single.label) == ("videos/holiday.mp4", -1)


def test_equal_stems_are_different_videos_and_other_files_are_none(tmp_path):
    records = read(touched(tmp_path, "a.mp4", "a.avi", "a.json", ".a.mp4", "notes/readme.txt"))
    assert sorted(records) == ["videos/a.avi", "videos/a.mp4"]


@pytest.mark.parametrize("name", ["absent", "empty", "text.txt"])
def test_what_holds_no_video_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").touch()
    with pytest.raises(DataError, match="Looked for"):
        VideoFolder().read(tmp_path / name)
