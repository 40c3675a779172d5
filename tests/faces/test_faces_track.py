import numpy as np
import pytest

from zoo.faces.detections import Detections
from zoo.faces.mtcnn import MTCNNDetector
from zoo.faces.track import fill_track, follow_face, link_detections, refine_track, smooth_track


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
    rough = fill_track(times, chains)
    calm = smooth_track(rough, smooth_s=0.5)
    assert calm.boxes[:, 0].std() < 0.7 * rough.boxes[:, 0].std()
    np.testing.assert_allclose(calm.boxes[:, 0].mean(), rough.boxes[:, 0].mean(), atol=0.2)


class NoddingFace(ScriptedDetector):
    """A face that moves faster than it is searched for, but can be found near any guess."""

    def __init__(self, unsure=()):
        super().__init__(lambda i: found(face_at(self.where(i))))
        self.unsure = unsure

    @staticmethod
    def where(i):
        return 20 + 8 * np.sin(i / 3)

    def refine(self, frames, boxes):
        numbers = frames[:, 0, 0, 0]
        seen = found(*[face_at(self.where(int(i))) for i in numbers])
        return Detections(seen.boxes, np.where(np.isin(numbers, self.unsure), 0.1, 0.9).astype(np.float32), seen.points)


def test_refining_finds_what_happens_between_searches():
    frames, times = numbered(60)
    truth = NoddingFace.where(np.arange(60))
    rough = follow_face(frames, times, ScriptedDetector(NoddingFace().script), smooth_s=1e-3)
    fine = follow_face(frames, times, NoddingFace(), smooth_s=1e-3)
    assert np.abs(rough.boxes[:, 0] - truth).max() > 4
    np.testing.assert_allclose(fine.boxes[:, 0], truth, atol=0.01)
    np.testing.assert_allclose(fine.points[:, 0, 0], truth + 12, atol=0.01)


def test_rows_that_cannot_be_refined_are_interpolated_between_their_like():
    frames, times = numbered(60)
    truth = NoddingFace.where(np.arange(60))
    fine = follow_face(frames, times, NoddingFace(unsure=[7, 8, 31]), smooth_s=1e-3)
    assert np.abs(fine.boxes[:, 0] - truth).max() < 1
    nothing = follow_face(frames, times, NoddingFace(unsure=range(60)), smooth_s=1e-3)
    rough = follow_face(frames, times, ScriptedDetector(NoddingFace().script), smooth_s=1e-3)
    np.testing.assert_array_equal(nothing.boxes, rough.boxes)


def test_refining_leaves_masked_rows_alone_and_goes_piece_by_piece():
    frames, times = numbered(40)
    whole = fill_track(times, link_detections(times[:20], NoddingFace().detect(frames[:20])), hold_s=0.0)
    pieces = [(frames[:7], times[:7]), (frames[7:], times[7:])]
    refined = refine_track(whole, pieces, NoddingFace())
    assert refined.mask.sum() == 20
    assert not refined.boxes[20:].any()


def without_mouth(face):
    box, points = face
    return box, np.where(np.arange(5)[:, None] < 3, points, np.nan)


def test_points_that_a_detector_does_not_give_stay_unknown_and_the_others_are_followed():
    frames, times = numbered(51)
    track = follow_face(frames, times, ScriptedDetector(lambda i: found(without_mouth(face_at(i * 0.5)))))
    assert track.mask.all()
    assert np.isfinite(track.boxes).all()
    assert np.isnan(track.points[:, 3:]).all()
    np.testing.assert_allclose(track.points[:, 0, 0], track.boxes[:, 0] + 12, atol=0.01)


def test_points_known_in_part_of_a_video_are_known_there_and_nowhere_else():
    frames, times = numbered(101)
    detector = ScriptedDetector(lambda i: found(face_at(5) if i < 50 else without_mouth(face_at(5))))
    track = follow_face(frames, times, detector, every_s=0.4)
    np.testing.assert_allclose(track.points[:41, 3, 0], 5 + 0.35 * 40, atol=0.01)  # the last sampled frame with a mouth
    assert np.isnan(track.points[41:, 3:]).all()
    assert np.isfinite(track.points[:, :3]).all()


def test_each_row_names_the_detector_that_saw_the_nearest_sighting():
    def script(i):
        seen = found() if 40 <= i < 80 else found(face_at(5))
        return Detections(seen.boxes, seen.scores, seen.points, ("A" if i < 20 else "B",) * len(seen))

    frames, times = numbered(101)
    track = follow_face(frames, times, ScriptedDetector(script), every_s=0.4, max_gap_s=0.5)
    assert track.sources[[0, 14]].tolist() == ["A", "A"]
    assert track.sources[[16, 30, 100]].tolist() == ["B", "B", "B"]
    assert set(track.sources[~track.mask]) == {""}
    assert not track.mask[55:65].any()
    assert follow_face(frames, times, ScriptedDetector(lambda i: found(face_at(5)))).sources is None


def test_a_real_detector_follows_a_moving_photograph(moving_face):
    pytest.importorskip("facenet_pytorch")
    frames, times, lefts = moving_face
    track = follow_face(frames, times, MTCNNDetector())
    assert track.mask.all()
    nose = track.points[:, 2, 0] + lefts  # in the photograph the nose stands still
    assert np.ptp(nose) < 4
