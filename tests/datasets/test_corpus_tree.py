"""Finding files in trees that people have worked in, and lists that are not trusted."""

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from corpus_trees import touched

from zoo.datasets.corpora import tree
from zoo.datasets.corpora.base import Corpus, CorpusScan
from zoo.datasets.corpora.tree import files_in, find_files, folders_in, holds_file, listed_path, read_json, read_list
from zoo.datasets.corpora.video_folder import VideoFolder
from zoo.errors import DataError
from zoo.structures import VideoRecord


def names(root):
    return [str(path) for path in find_files(root, {".mp4"}).files]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touched(tmp_path / "elsewhere", "c.mp4")
    root = touched(tmp_path / "root", "a/x.mp4", "b/y.MP4")
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    (root / "b" / "out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "b" / "far up").symlink_to(tmp_path, target_is_directory=True)
    (root / "self").symlink_to(root / "self")
    (root / "gone.mp4").symlink_to(root / "nothing")
    assert names(root) == ["a/x.mp4", "b/out/c.mp4", "b/y.MP4", "gone.mp4"]
    assert holds_file(root, {".mp4"}) and not holds_file(root, {".avi"})


def test_very_deep_folders_are_no_recursion(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("x.mp4", os.O_CREAT, dir_fd=folder))
    os.close(folder)
    found = names(tmp_path)
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil.rmtree, with which pytest tidies up, recurses
    assert [name.count("/") for name in found] == [1500]


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A tree of which one folder cannot be listed, whoever runs the test."""
    root = touched(tmp_path, "fake/a.mp4", "fake/locked/b.mp4", "real/c.mp4")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(tree.os, "scandir", refusing)
    return root


def test_a_folder_that_cannot_be_listed_is_reported(locked):
    found = find_files(locked, {".mp4"})
    assert [str(path) for path in found.files] == ["fake/a.mp4", "real/c.mp4"]
    assert found.skipped == {"fake/locked": "folder cannot be listed (Permission denied)"}
    assert files_in(locked / "fake" / "locked", {".mp4"}) == [] == folders_in(locked / "fake" / "locked")


def test_it_counts_towards_the_share_that_may_be_skipped(locked):
    with pytest.raises(DataError, match=r"1 of 3 .*locked \(folder cannot be listed"):
        VideoFolder().read(locked)
    assert len(VideoFolder(max_skipped=0.5).read(locked)) == 2


def test_names_that_are_no_utf8_are_reported(tmp_path):
    root = touched(tmp_path, "ünï cöde [1].mp4")
    try:
        (root / os.fsdecode(b"bad\xff.mp4")).write_bytes(b"x")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    found = find_files(root, {".mp4"})
    assert [str(path) for path in found.files] == ["ünï cöde [1].mp4"] == files_in(root, {".mp4"})
    assert found.skipped == {"bad\\xff.mp4": "the name is no valid UTF-8"}


@pytest.mark.parametrize("text", ["a/b.mp4", "a\\b.mp4", "./a/b.mp4", "a//b.mp4"])
def test_listed_paths_are_normalised(text):
    assert listed_path(text, where="list") == PurePosixPath("a/b.mp4")


@pytest.mark.parametrize(
    "text", ["", ".", "/a.mp4", "\\a.mp4", "../a", "a/../../b", "a\\..\\b", "C:/a", "c:a", "a\0b", "\ud800", None, 3]
)
def test_listed_paths_stay_below_the_corpus(text):
    with pytest.raises(DataError, match="no path below the corpus"):
        listed_path(text, where="list")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_lists_that_are_no_json_are_one_error(tmp_path, content):
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(DataError, match="Cannot read the list"):
        read_json(tmp_path / "list.json")


def test_lists_beyond_the_limit_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "_MOST_BYTES", 1)
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(DataError, match="more than"):
        read_json(tmp_path / "list.json")


def test_tables_are_read_by_column_with_the_line_they_stand_in(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffLabel,filename\r\n1,a.mp4\r\n\r\n0,b.mp4\r\n".encode())
    rows = list(read_list(tmp_path / "t.csv", columns=("filename", "label")))
    assert [(row["filename"], row["label"]) for _, row in rows] == [("a.mp4", "1"), ("b.mp4", "0")]
    assert rows[1][0].endswith("line 4")


def test_a_tree_that_cannot_be_read_at_all_is_one_error(tmp_path, monkeypatch):
    def refuse(self, root):
        raise PermissionError(13, "Permission denied", str(root / "list.json"))

    monkeypatch.setattr(VideoFolder, "_scan", refuse)
    with pytest.raises(DataError, match="videos cannot be read: Permission denied") as caught:
        VideoFolder().read(touched(tmp_path, "a.mp4"))
    assert caught.value.where.endswith("list.json")


class Twice(Corpus):
    name = "twice"
    looked_for = ("anything",)

    @classmethod
    def recognise(cls, root):
        return Path(root)

    def _scan(self, root):
        record = VideoRecord(video_id="twice/a", path="a", corpus="twice", split=None, label=0, method="real")
        return CorpusScan(records=(record, record))


def test_two_videos_with_one_id_are_refused(tmp_path):
    with pytest.raises(DataError, match="Two videos of twice have the id 'twice/a'"):
        Twice().scan(tmp_path)
