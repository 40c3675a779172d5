"""Searching near the last box finds what searching everywhere finds."""

import numpy as np
import pytest
from stub_faces import BLUE, GREEN, RED, NearSquareDetector, SquareDetector, scene

from zoo.faces.detections import Detections, box_overlaps
from zoo.faces.search import FaceSearch


def moving(count, *, step=3):
    return np.stack([scene((5 + step * k % 70, 20 + k % 9, 36, RED)) for k in range(count)])


def test_a_moving_face_is_found_near_as_it_is_everywhere():
    frames = moving(40)
    detector = NearSquareDetector()
    near = FaceSearch(detector, refresh=8).see(frames)
    for one, other in zip(near, SquareDetector().detect(frames), strict=True):
        assert len(one) == len(other) == 1
        assert box_overlaps(one.boxes, other.boxes)[0, 0] > 0.9
    assert detector.near > 25 and detector.whole < 15


def test_a_drawn_face_is_found_near_as_it_is_everywhere(moving_face):
    pytest.importorskip("facenet_pytorch")
    from zoo.faces.mtcnn import MTCNNDetector

    frames = moving_face[0][:24]
    detector = MTCNNDetector()
    near, everywhere = FaceSearch(detector, refresh=8).see(frames), detector.detect(frames)
    overlaps = [box_overlaps(a.boxes[:1], b.boxes[:1])[0, 0] for a, b in zip(near, everywhere, strict=True)]
    assert min(overlaps) > 0.75


def test_the_pieces_in_which_frames_come_do_not_matter():
    frames = moving(30)
    at_once = FaceSearch(NearSquareDetector(), refresh=5).see(frames)
    search = FaceSearch(NearSquareDetector(), refresh=5)
    in_pieces = [*search.see(frames[:7]), *search.see(frames[7:8]), *search.see(frames[8:])]
    for one, other in zip(at_once, in_pieces, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)


def test_a_face_that_jumps_or_leaves_is_searched_everywhere_at_once():
    frames = np.stack(
        [scene((5, 5, 30, RED))] * 3 + [scene((90, 60, 30, RED))] + [scene()] + [scene((5, 60, 30, BLUE))]
    )
    found = FaceSearch(NearSquareDetector(), refresh=100).see(frames)
    assert [len(one) for one in found] == [1, 1, 1, 1, 0, 1]
    assert found[3].boxes[0, 0] == 90 and found[5].boxes[0, 1] == 60


def test_somebody_new_is_noticed_at_the_next_whole_search():
    frames = np.stack([scene((5, 5, 30, RED))] * 2 + [scene((5, 5, 30, RED), (90, 60, 20, GREEN))] * 10)
    counts = [len(one) for one in FaceSearch(NearSquareDetector(), refresh=4).see(frames)]
    assert counts[:4] == [1, 1, 1, 1] and counts[4:] == [2] * 8


@pytest.mark.parametrize(("refresh", "score"), [(1, 0.99), (8, 0.5)])
def test_without_refresh_or_certainty_every_frame_is_searched_as_a_whole(refresh, score):
    detector = NearSquareDetector(score=score)
    FaceSearch(detector, refresh=refresh).see(moving(12))
    assert detector.whole >= 11


def test_a_detector_that_cannot_search_near_searches_everywhere():
    class Plain:
        def detect(self, frames):
            return [Detections.none() for _ in frames]

        def fingerprint(self):
            return "plain"

    assert [len(one) for one in FaceSearch(Plain(), refresh=8).see(moving(3))] == [0, 0, 0]
