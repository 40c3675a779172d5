import numpy as np
import pytest

from zoo.faces.detections import Detections, suppress_overlaps
from zoo.faces.near import search_near

GREEN = (0, 255, 0)


def detect_green(frames):
    """The bounding box of what is green, as one face."""
    found = []
    for frame in frames:
        lines, columns = np.nonzero((frame[..., 1] > 128) & (frame[..., 0] < 128))
        if not len(lines):
            found.append(Detections.none())
            continue
        box = np.array([columns.min(), lines.min(), columns.max() + 1, lines.max() + 1], np.float32)
        points = np.tile((box[:2] + box[2:]) / 2, (1, 5, 1)).astype(np.float32)
        found.append(Detections(box[None], np.ones(1, np.float32), points))
    return found


def painted(*boxes, size=(300, 400)):
    frame = np.full((*size, 3), 200, np.uint8)
    for left, top, right, bottom in boxes:
        frame[top:bottom, left:right] = GREEN
    return frame


@pytest.mark.parametrize("size", [40, 100, 333])  # shrunk by more than twice, by less, enlarged
@pytest.mark.parametrize("box", [(100, 100, 180, 180), (0, 5, 60, 70), (340, 240, 400, 300), (150, 60, 190, 130)])
def test_results_are_in_pixels_of_the_frame(size, box):
    guess = np.array(box) + np.array([7, -5, 7, -5])
    (found,) = search_near(detect_green, painted(box)[None], guess[None], size=size)
    zoom = 2.5 * max(box[2] - box[0], box[3] - box[1]) / size
    np.testing.assert_allclose(found.boxes, [box], atol=max(1.0, zoom))
    np.testing.assert_allclose(found.points[0, 2], [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], atol=max(1.0, zoom))


def test_nothing_outside_the_regions_is_looked_at():
    frame = painted((10, 10, 50, 50), (300, 200, 340, 240))
    (found,) = search_near(detect_green, frame[None], [np.array([295, 200, 335, 240])], size=64)
    assert len(found) == 1
    assert found.boxes[0, 0] > 290


def test_several_boxes_a_frame_are_several_regions_and_a_face_in_two_is_one():
    frames = np.stack([painted((10, 10, 50, 50), (300, 200, 340, 240)), painted((10, 10, 50, 50))])
    boxes = [np.array([[12, 8, 52, 48], [300, 200, 340, 240], [8, 12, 48, 52]]), np.zeros((0, 4))]
    first, second = search_near(detect_green, frames, boxes, size=80)
    assert len(first) == 2
    assert len(second) == 0


def test_a_face_that_the_region_cuts_off_is_left_out_but_one_at_the_frame_edge_is_not():
    def beyond(frames):  # a face half of which lies left of the cut
        box = np.array([[-20, 30, 20, 70]], np.float32)
        return [Detections(box, np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32)) for _ in frames]

    frame = painted()[None]
    assert [len(found) for found in search_near(beyond, frame, [np.array([150, 100, 190, 140])], size=100)] == [0]
    assert [len(found) for found in search_near(beyond, frame, [np.array([5, 100, 45, 140])], size=100)] == [1]


def test_regions_outside_the_frame_and_empty_boxes_are_no_faults():
    frames = np.stack([painted()] * 2)
    found = search_near(detect_green, frames, np.array([[900, 900, 950, 950], [20, 20, 20, 20]]), size=32)
    assert [len(one) for one in found] == [0, 0]
    assert search_near(detect_green, frames[:0], np.zeros((0, 4)), size=32) == []


def test_suppression_keeps_the_best_and_what_is_apart():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 10]], np.float32)
    scores = np.array([0.5, 0.9, 0.1, 0.9], np.float32)
    assert suppress_overlaps(boxes, scores, max_overlap=0.5).tolist() == [1, 2]
    assert suppress_overlaps(boxes, scores, max_overlap=0.9).tolist() == [1, 3, 2]
    assert suppress_overlaps(boxes[:0], scores[:0], max_overlap=0.5).tolist() == []
