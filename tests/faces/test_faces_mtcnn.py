import pickle

import numpy as np
import pytest

pytest.importorskip("facenet_pytorch")

from zoo.faces.mtcnn import MTCNNDetector
from zoo.registry import build


@pytest.fixture(scope="module")
def detector():
    return build("face_detector", {"type": "MTCNNDetector"})


def test_finds_the_face_in_pixels_of_the_full_frame(detector, portrait):
    (found,) = detector.detect(portrait[None])  # 512 pixels, searched at 360
    assert len(found) == 1
    left, top, right, bottom = found.boxes[0]
    assert 160 < left < 200 < 240 < right < 290
    assert 40 < top < 90 < 150 < bottom < 200
    eyes, mouth = found.points[0, :2], found.points[0, 3:]
    assert eyes[0, 0] < eyes[1, 0]
    assert mouth[0, 0] < mouth[1, 0]
    assert eyes[:, 1].max() < found.points[0, 2, 1] < mouth[:, 1].min()


def test_frames_with_and_without_a_face_in_one_batch(detector, portrait):
    face = portrait[:224, 96:320]
    counts = [len(found) for found in detector.detect(np.stack([face, np.zeros_like(face), face]))]
    assert counts == [1, 0, 1]


@pytest.mark.parametrize("shape", [(1, 20, 20, 3), (2, 8, 300, 3), (0, 64, 64, 3)])
def test_pictures_too_small_for_a_face_and_empty_input(detector, shape):
    found = detector.detect(np.zeros(shape, np.uint8))
    assert [len(one) for one in found] == [0] * shape[0]


def test_fingerprint_follows_what_matters_and_survives_another_process(detector):
    assert detector.fingerprint() == pickle.loads(pickle.dumps(detector)).fingerprint()
    assert detector.fingerprint() == MTCNNDetector(threads=2, batch_size=3).fingerprint()
    assert detector.fingerprint() != MTCNNDetector(min_face_size=30).fingerprint()


def test_refining_corrects_a_box_that_is_off_and_doubts_one_that_is_empty(detector, portrait):
    (found,) = detector.detect(portrait[None])
    frames = np.stack([portrait, portrait, portrait])
    refined = detector.refine(frames, found.boxes[[0, 0, 0]] + np.array([[0], [12], [250]], np.float32))
    assert refined.scores[0] > 0.9
    assert refined.scores[1] > 0.9
    assert refined.scores[2] < 0.7
    for row in (0, 1):
        np.testing.assert_allclose(refined.points[row], found.points[0], atol=6)
        np.testing.assert_allclose(refined.boxes[row], found.boxes[0], atol=16)


def test_a_box_that_the_last_network_confirms_is_not_searched_for_and_a_doubtful_one_is(portrait, monkeypatch):
    detector = MTCNNDetector()
    (found,) = detector.detect(portrait[None])
    searched = []
    search = detector.detect
    monkeypatch.setattr(detector, "detect", lambda frames: searched.append(frames.shape) or search(frames))
    frames = np.stack([portrait, portrait])
    near = detector.detect_near(frames, found.boxes[[0, 0]] + np.array([[6], [70]], np.float32))
    assert searched == [(1, 112, 112, 3)]  # the second alone, in a cut
    for one in near:
        assert len(one) == 1
        np.testing.assert_allclose(one.boxes, found.boxes, atol=16)


def test_two_boxes_on_one_face_are_one_face(detector, portrait):
    (found,) = detector.detect(portrait[None])
    (near,) = detector.detect_near(portrait[None], [np.concatenate([found.boxes, found.boxes + 5])])
    assert len(near) == 1
