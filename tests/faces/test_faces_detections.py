import numpy as np

from zoo.faces.detections import Detections, box_areas, box_overlaps


def test_overlap_of_equal_apart_and_half_shared_boxes():
    box = np.array([[0, 0, 10, 10]], np.float32)
    others = np.array([[0, 0, 10, 10], [20, 20, 30, 30], [5, 0, 15, 10], [3, 3, 3, 3]], np.float32)
    np.testing.assert_allclose(box_overlaps(box, others), [[1, 0, 1 / 3, 0]], atol=1e-6)
    np.testing.assert_allclose(box_areas(others), [100, 100, 100, 0])


def test_scaling_moves_boxes_and_points_alike():
    found = Detections(
        np.array([[1, 2, 3, 4]], np.float32), np.ones(1, np.float32), np.full((1, 5, 2), 2, np.float32)
    ).scaled(2, 3)
    np.testing.assert_array_equal(found.boxes, [[2, 6, 6, 12]])
    np.testing.assert_array_equal(found.points[0, 0], [4, 6])


def test_no_face_is_empty():
    assert len(Detections.none()) == 0
    assert Detections.none().points.shape == (0, 5, 2)
