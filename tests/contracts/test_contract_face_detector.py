"""What every face detector promises. Those whose weights are not in the cache are skipped, or fetch them (network)."""

import pickle

import numpy as np
import pytest
from part_cases import names

import zoo.assets
from zoo.errors import MissingDependency
from zoo.faces.detections import FaceDetector, FaceRefiner, NearDetector, box_overlaps
from zoo.registry import build

CASES = {  # arguments, and others that find other faces
    "FallbackDetector": (
        {"detectors": [{"type": "MTCNNDetector", "min_face_size": 90}, {"type": "MTCNNDetector"}]},
        {"detectors": [{"type": "MTCNNDetector"}, {"type": "MTCNNDetector", "min_face_size": 90}]},
    ),
    "MTCNNDetector": ({}, {"min_face_size": 30}),
    "MediaPipeDetector": ({}, {"range": "short"}),
    "RetinaFaceDetector": ({}, {"longest_side": 320}),
}
SOURCES = ["cache", pytest.param("network", marks=pytest.mark.network)]


def make(name, case=0):
    return build("face_detector", {"type": name, **CASES[name][case]})


@pytest.fixture(scope="module", params=SOURCES)
def weights(request, tmp_path_factory):
    """Where weights come from: the user's cache without fetching, or an empty cache that is filled."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "network":
            patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        else:

            def refuse(asset, timeout_s):
                raise MissingDependency(f"{asset.name} is not in the cache.")

            patch.setattr(zoo.assets, "_fetch", refuse)
        yield


@pytest.fixture(scope="module", params=names("face_detector"))
def detector(request, weights):
    detector = make(request.param)
    try:
        detector.fingerprint()
        detector.detect(np.zeros((1, 64, 64, 3), np.uint8))
    except MissingDependency as error:
        pytest.skip(error.what)
    return detector


@pytest.fixture(scope="module")
def portrait():
    """A photograph of one face, uint8 [512, 512, 3]."""
    return pytest.importorskip("skimage.data").astronaut()


def assert_equal(first, second):
    for name in ("boxes", "scores", "points"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.sources == second.sources


def assert_well_formed(found):
    count = len(found)
    assert (found.boxes.shape, found.scores.shape, found.points.shape) == ((count, 4), (count,), (count, 5, 2))
    assert {found.boxes.dtype, found.scores.dtype, found.points.dtype} == {np.dtype(np.float32)}
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert (np.diff(found.scores) <= 0).all()
    assert len(found.sources) in (0, count)


@pytest.mark.parametrize("grey", [False, True])
def test_finds_the_face_in_pixels_of_the_frame(detector, portrait, grey):
    frame = np.repeat(portrait.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) if grey else portrait
    (found,) = detector.detect(frame[None])
    assert_well_formed(found)
    assert len(found) == 1
    assert box_overlaps(found.boxes, np.array([[180, 65, 270, 180]]))[0, 0] > 0.5
    left_eye, right_eye, nose = found.points[0, :3]
    assert 190 < left_eye[0] < nose[0] < right_eye[0] < 265
    assert max(left_eye[1], right_eye[1]) < nose[1] < 180
    corners = found.points[0, 3:]
    assert np.isnan(corners).all() or (corners[0, 0] < corners[1, 0] and corners[:, 1].min() > nose[1])


@pytest.mark.parametrize("shape", [(0, 64, 64, 3), (2, 1, 1, 3), (1, 3, 500, 3), (3, 90, 70, 3), (1, 0, 8, 3)])
def test_no_frame_no_face_and_hardly_a_pixel(detector, shape):
    found = detector.detect(np.full(shape, 90, np.uint8))
    assert [len(one) for one in found] == [0] * shape[0]
    assert all(one.points.shape == (0, 5, 2) for one in found)


def test_equal_frames_get_equal_answers_in_any_batch(detector, portrait):
    face = portrait[:224, 96:320]
    frames = np.stack([face, np.zeros_like(face), face[:, ::-1]])
    together = detector.detect(frames)
    assert [len(found) for found in together] == [1, 0, 1]
    for frame, found in zip(frames, together, strict=True):
        (alone,) = detector.detect(frame[None])
        np.testing.assert_allclose(alone.boxes, found.boxes, atol=0.01)
    for first, second in zip(detector.detect(frames), together, strict=True):
        assert_equal(first, second)


def test_frames_are_not_changed_and_need_not_be_contiguous(detector, portrait):
    wide = np.concatenate([portrait, portrait], axis=1)
    view = wide[None, :, :512]
    (found,) = detector.detect(view)
    np.testing.assert_array_equal(wide[:, :512], portrait)
    assert_equal(found, detector.detect(portrait[None])[0])


def test_a_search_around_a_known_box_finds_the_same_face(detector, portrait):
    assert isinstance(detector, NearDetector)
    (whole,) = detector.detect(portrait[None])
    around = [whole.boxes[0] + np.float32(8), whole.boxes, np.zeros((0, 4)), np.array([300, 400, 350, 450])]
    near = detector.detect_near(np.stack([portrait] * 4), around)
    assert [len(found) for found in near] == [1, 1, 0, 0]
    for found in near[:2]:
        assert_well_formed(found)
        assert box_overlaps(found.boxes, whole.boxes)[0, 0] > 0.5
        np.testing.assert_allclose(found.points[0, :3], whole.points[0, :3], atol=10)


def test_one_that_refines_moves_a_box_onto_the_face_and_doubts_an_empty_one(detector, portrait):
    if not isinstance(detector, FaceRefiner):
        pytest.skip("it does not refine")
    (whole,) = detector.detect(portrait[None])
    guesses = whole.boxes[[0, 0]] + np.array([[10], [230]], np.float32)
    refined = detector.refine(np.stack([portrait, portrait]), guesses)
    assert len(refined) == 2
    assert refined.scores[0] > 0.7 > refined.scores[1]
    assert box_overlaps(refined.boxes[:1], whole.boxes)[0, 0] > 0.7


def test_a_copy_in_another_process_carries_no_network_and_finds_the_same(detector, portrait):
    assert isinstance(detector, FaceDetector)
    (found,) = detector.detect(portrait[None])
    pickled = pickle.dumps(detector)
    assert len(pickled) < 5_000
    copy = pickle.loads(pickled)
    assert copy.fingerprint() == detector.fingerprint()
    assert_equal(copy.detect(portrait[None])[0], found)


def test_the_fingerprint_follows_what_matters(detector):
    name = type(detector).__name__
    assert detector.fingerprint() == make(name).fingerprint()
    assert detector.fingerprint() != make(name, case=1).fingerprint()


@pytest.mark.parametrize("name", names("face_detector"))
def test_building_one_looks_for_nothing(name, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "none"))
    monkeypatch.setattr(zoo.assets, "_fetch", lambda *_: pytest.fail("fetched in the constructor"))
    make(name)
    assert not (tmp_path / "none").exists()
