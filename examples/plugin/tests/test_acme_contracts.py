"""The plugin keeps the promises that zoo's own components keep."""

import csv

import pytest

from zoo.testing import check_backbone, check_corpus, check_face_detector, check_plugin

FILES = [
    ("a/one.mp4", "real", "", "train", "anna", ""),
    ("a/two.mp4", "real", "", "test", "ben", ""),
    ("b/one.mp4", "fake", "swap", "train", "anna", "a/one.mp4"),
    ("b/two.mp4", "fake", "", "test", "ben; cleo", "a/two.mp4"),
]


@pytest.fixture
def corpus(tmp_path):
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "method", "split", "people", "source"), *FILES])
    for name, *_ in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"video")
    return tmp_path


def test_plugin():
    check_plugin("acme")


def test_backbone_of_another_shape():
    check_backbone("HaarResidualNet", {"widths": [8, 8, 12, 16], "blocks": 2}, ranks=False)


def test_corpus(corpus):
    check_corpus("LabelsTable", root=corpus)


def test_face_detector():
    check_face_detector("LBPCascadeDetector", other={"min_face": 60})
