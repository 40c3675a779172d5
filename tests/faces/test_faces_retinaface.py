import sys

import numpy as np
import pytest

from zoo.errors import MissingDependency
from zoo.faces.retinaface import RetinaFaceDetector, anchor_boxes, bytes_literal, decode


def test_anchors_cover_every_stride_line_by_line():
    anchors = anchor_boxes(40, 64)
    assert anchors.shape == (2 * (5 * 8 + 3 * 4 + 2 * 2), 3)
    np.testing.assert_array_equal(anchors[:3], [[4, 4, 16], [4, 4, 32], [12, 4, 16]])
    np.testing.assert_array_equal(anchors[2 * 8], [4, 12, 16])
    np.testing.assert_array_equal(anchors[2 * 40], [8, 8, 64])
    np.testing.assert_array_equal(anchors[-1], [48, 48, 512])


def encoded(anchors, faces):
    """Network outputs that say ``faces`` ((anchor, box, points, score) each) and nothing else."""
    moves, scores = np.zeros((len(anchors), 4), np.float32), np.full(len(anchors), 0.01, np.float32)
    marks = np.zeros((len(anchors), 10), np.float32)
    for index, box, points, score in faces:
        center, side = anchors[index, :2], anchors[index, 2]
        box = np.asarray(box, np.float32)
        moves[index, :2] = ((box[:2] + box[2:]) / 2 - center) / (0.1 * side)
        moves[index, 2:] = np.log((box[2:] - box[:2]) / side) / 0.2
        marks[index] = ((np.asarray(points) - center) / (0.1 * side)).ravel()
        scores[index] = score
    return moves, scores, marks


POINTS = np.array([[20, 20], [30, 20], [25, 26], [21, 32], [29, 32]], np.float32)


def test_decoding_undoes_the_encoding_and_keeps_the_best_of_overlapping_boxes():
    anchors = anchor_boxes(64, 64)
    box, far = [15, 10, 35, 40], [40, 42, 60, 62]
    outputs = encoded(
        anchors,
        [
            (5, box, POINTS, 0.8),
            (40, far, POINTS + 24, 0.9),
            (90, [16, 10, 36, 41], POINTS + 1, 0.95),
            (7, box, POINTS, 0.4),
        ],
    )
    found = decode(*outputs, anchors, min_score=0.5, max_overlap=0.4)
    np.testing.assert_allclose(found.boxes, [[16, 10, 36, 41], far], atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.95, 0.9])
    np.testing.assert_allclose(found.points, [POINTS + 1, POINTS + 24], atol=1e-3)
    assert found.points.dtype == found.boxes.dtype == np.float32
    assert len(decode(*outputs, anchors, min_score=0.5, max_overlap=0.99)) == 3
    assert len(decode(*outputs, anchors, min_score=0.96, max_overlap=0.4)) == 0


def test_bytes_are_read_out_of_python_without_running_it(tmp_path):
    trap = tmp_path / "ran"
    source = f"open({str(trap)!r}, 'w')\nOTHER = b'no'\nWEIGHTS = b'\\x00yes'\n"
    assert bytes_literal(source.encode(), name="WEIGHTS") == b"\x00yes"
    assert not trap.exists()


@pytest.mark.parametrize(
    "source", [b"WEIGHTS = 'text'", b"WEIGHTS = bytes(9)", b"X = b'1'", b"WEIGHTS =", b"\x00", b"\xff="]
)
def test_python_that_holds_no_such_bytes_is_an_error(source):
    with pytest.raises(ValueError, match=r"WEIGHTS|not Python"):
        bytes_literal(source, name="WEIGHTS")


def test_without_onnxruntime_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependency, match=r"deepfake-zoo\[faces\]"):
        RetinaFaceDetector().detect(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    monkeypatch.setattr(runtime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr("zoo.faces.retinaface.require", lambda asset: tmp_path)
    with pytest.raises(MissingDependency, match="no CUDA"):
        RetinaFaceDetector(device="cuda").detect(np.zeros((1, 64, 64, 3), np.uint8))
