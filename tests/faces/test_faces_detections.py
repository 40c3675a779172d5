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


def named(count):
    points = np.arange(count * 10, dtype=np.float32).reshape(count, 5, 2)
    scores = np.linspace(0.1, 0.9, count, dtype=np.float32)
    return Detections(np.tile(scores[:, None], 4), scores, points, tuple(f"d{row}" for row in range(count)))


def test_selecting_shifting_and_merging_keep_faces_whole():
    some = named(4).select(np.array([3, 1]))
    assert some.sources == ("d3", "d1")
    np.testing.assert_array_equal(some.points, named(4).points[[3, 1]])
    assert named(4).select(np.array([False, True, False, True])).sources == ("d1", "d3")
    both = Detections.merged([some.shifted(10, 20), named(1)])
    assert both.sources == ("d3", "d1", "d0")
    np.testing.assert_allclose(both.boxes[0], named(4).boxes[3] + [10, 20, 10, 20])
    np.testing.assert_allclose(both.points[:2], some.points + np.array([10, 20]))
    assert len(Detections.merged([])) == 0


def test_no_face_is_empty():
    assert len(Detections.none()) == 0
    assert Detections.none().points.shape == (0, 5, 2)
