import pytest
from corpus_trees import touched

from zoo.datasets.corpora.image_folder import ImageFolder
from zoo.datasets.corpora.reading import find_corpus, read_corpus
from zoo.datasets.corpora.video_folder import VideoFolder
from zoo.errors import DataError


def facts(root):
    return {r.video_id: (r.split, r.label, r.method) for r in ImageFolder().read(root)}


def test_splits_labels_and_methods_are_read_off_the_folders(tmp_path):
    root = touched(tmp_path, "train/real/a.jpg", "valid/fake/swap/b.PNG", "test/fake/c.webp", "test/real/x/y/d.bmp")
    assert facts(root) == {
        "images/train/real/a.jpg": ("train", 0, "real"),
        "images/valid/fake/swap/b.PNG": ("val", 1, "swap"),
        "images/test/fake/c.webp": ("test", 1, "fake"),
        "images/test/real/x/y/d.bmp": ("test", 0, "real"),
    }
    assert find_corpus(root) == "ImageFolder"


@pytest.mark.parametrize("inside", [".", "processed"])
def test_the_processed_tree_is_found_in_or_below_the_root(tmp_path, inside):
    root = touched(tmp_path / "faceforensics", f"{inside}/train/real/a.jpg", f"{inside}/val/fake/b.jpg")
    (record, _) = ImageFolder().read(root)
    assert record.path == str(root / inside / "train/real/a.jpg") and record.video_id == "images/train/real/a.jpg"


def test_frames_of_a_clip_stay_together_where_splits_are_computed(tmp_path):
    frames = [f"{label}/clip{n}_frame_{k}.jpg" for label in ("real", "fake/swap") for n in range(5) for k in range(3)]
    folders = [f"{label}/{n}/{k:04d}.jpg" for label in ("real/own", "fake/swap") for n in range(5) for k in range(3)]
    read = read_corpus(touched(tmp_path, *frames, *folders), split_ratio={"train": 0.6, "val": 0.4}, seed=1)
    splits = {}
    for record in read.records:
        (source,) = record.source_videos
        splits.setdefault(source, set()).add(record.split)
    assert len(splits) == 20 and all(len(found) == 1 for found in splits.values())
    assert {record.split for record in read.records} == {"train", "val"}


def test_loose_numbered_pictures_are_each_their_own(tmp_path):
    root = touched(tmp_path, *(f"{label}/{n:05d}.png" for label in ("real", "fake/gan") for n in range(4)))
    assert {record.source_videos for record in ImageFolder().read(root)} == {frozenset()}


def test_unsorted_pictures_are_refused_and_thumbnails_leave_videos_to_their_reader(tmp_path):
    with pytest.raises(DataError, match="Looked for"):
        ImageFolder().read(touched(tmp_path / "loose", "a.jpg"))
    assert find_corpus(touched(tmp_path / "mixed", "real/a.mp4", "real/a.jpg", "fake/b.mp4")) == "VideoFolder"


def test_videos_below_raw_keep_their_labels(tmp_path):
    root = touched(tmp_path, "raw/real/a.mp4", "raw/fake/swap/b.mp4", "processed/train/real/a.jpg")
    assert {(r.video_id, r.label, r.method) for r in VideoFolder().read(root)} == {
        ("videos/real/a.mp4", 0, "real"),
        ("videos/fake/swap/b.mp4", 1, "swap"),
    }
