import numpy as np
import pytest

from zoo.faces.detections import Detections
from zoo.faces.mtcnn import MTCNNDetector
from zoo.faces.track import fill_track, follow_face, link_detections


def face_at(x, *, side=40.0, y=10.0):
    """One face whose points lie at known shares of its box."""
    box = np.array([x, y, x + side, y + side], np.float32)
    shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    return box, box[:2] + side * shares


def found(*faces):
    if not faces:
        return Detections.none()
    boxes, points = zip(*faces, strict=True)
    return Detections(np.stack(boxes), np.full(len(faces), 0.9, np.float32), np.stack(points))


class ScriptedDetector:
    """Says what ``script(frame number)`` says; a frame carries its number in its first pixel."""

    def __init__(self, script):
        self.script = script
        self.asked = []

    def detect(self, frames):
        self.asked += frames[:, 0, 0, 0].tolist()
        return [self.script(int(frame[0, 0, 0])) for frame in frames]

    def fingerprint(self):
        return "scripted"


def numbered(count, fps=25):
    frames = np.zeros((count, 64, 64, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(count)
    return frames, np.arange(count) / fps


def test_a_drifting_face_is_interpolated_to_every_frame():
    frames, times = numbered(51)
    detector = ScriptedDetector(lambda i: found(face_at(i * 0.5)))
    track = follow_face(frames, times, detector, every_s=0.4)
    assert detector.asked == [0, 10, 20, 30, 40, 50]
    assert track.mask.all()
    inner = slice(5, -5)  # smoothing pulls the very ends inwards
    np.testing.assert_allclose(track.boxes[inner, 0], np.arange(51)[inner] * 0.5, atol=0.05)
    np.testing.assert_allclose(track.points[inner, 0, 0], track.boxes[inner, 0] + 12, atol=0.01)


def test_two_faces_are_two_chains_and_the_larger_is_followed():
    def script(i):
        small, large = face_at(5 + i * 0.1, side=20), face_at(35, side=28)
        return found(small, large) if i % 20 else found(large, small)  # order must not matter

    frames, times = numbered(61)
    track = follow_face(frames, times, ScriptedDetector(script))
    np.testing.assert_allclose(track.boxes[:, 0], 35, atol=1e-3)


def test_frames_without_a_face_for_longer_than_the_gap_are_masked():
    gone = range(25, 90)
    frames, times = numbered(125)
    detector = ScriptedDetector(lambda i: found() if i in gone else found(face_at(5)))
    track = follow_face(frames, times, detector, every_s=0.2, max_gap_s=1.0)
    assert track.mask[:20].all()
    assert track.mask[95:].all()
    assert not track.mask[30:84].any()
    assert not track.boxes[~track.mask].any()


def test_a_short_miss_is_bridged():
    frames, times = numbered(51)
    track = follow_face(frames, times, ScriptedDetector(lambda i: found() if i == 20 else found(face_at(5))))
    assert track.mask.all()


def test_a_cut_does_not_end_the_track():
    frames, times = numbered(100)
    track = follow_face(frames, times, ScriptedDetector(lambda i: found(face_at(0 if i < 60 else 300))), every_s=0.2)
    assert track.mask.all()
    assert track.boxes[10, 0] == pytest.approx(0, abs=0.01)
    assert track.boxes[90, 0] == pytest.approx(300, abs=0.01)


def test_no_face_at_all_and_no_frame_at_all():
    frames, times = numbered(10)
    track = follow_face(frames, times, ScriptedDetector(lambda i: found()))
    assert track.mask.shape == (10,)
    assert not track.mask.any()
    empty = follow_face(frames[:0], times[:0], ScriptedDetector(lambda i: found()))
    assert empty.boxes.shape == (0, 4)


def test_one_frame():
    frames, times = numbered(1)
    track = follow_face(frames, times, ScriptedDetector(lambda i: found(face_at(7))))
    assert track.mask.tolist() == [True]
    assert track.boxes[0, 0] == 7


def test_smoothing_calms_detector_noise():
    random = np.random.default_rng(0)
    times = np.arange(250) / 25
    sampled = times[::5]
    noisy = [found(face_at(20 + random.normal(0, 1.5))) for _ in sampled]
    chains = link_detections(sampled, noisy)
    rough = fill_track(times, chains, smooth_s=1e-3).boxes[:, 0].std()
    calm = fill_track(times, chains, smooth_s=0.5).boxes[:, 0].std()
    assert calm < 0.7 * rough


def test_a_real_detector_follows_a_moving_photograph(moving_face):
    pytest.importorskip("facenet_pytorch")
    frames, times, lefts = moving_face
    track = follow_face(frames, times, MTCNNDetector())
    assert track.mask.all()
    nose = track.points[:, 2, 0] + lefts  # in the photograph the nose stands still
    assert np.ptp(nose) < 4
