import cv2
import numpy as np
import pytest

from zoo.faces.crop import cut_faces, cut_region


def gradient(height=80, width=120):
    return np.tile(np.arange(width, dtype=np.uint8) * 2, (height, 1))


def test_a_cut_at_full_size_is_a_slice():
    frame = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    cut = cut_region(frame, np.array([29.5, 19.5]), (20, 10), out_size=(20, 10))
    np.testing.assert_array_equal(cut, frame[15:25, 20:40])


def test_shrinking_averages_instead_of_skipping():
    checker = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    cut = cut_region(checker, np.array([31.5, 31.5]), (64, 64), out_size=(8, 8))
    assert abs(int(cut.mean()) - 127) < 3
    assert cut.std() < 4


@pytest.mark.parametrize("angle", [0.3, -0.5])
def test_a_turned_region_comes_out_upright(angle):
    upright = np.zeros((101, 101), np.uint8)
    cv2.rectangle(upright, (30, 45), (70, 55), 255, -1)
    turn = cv2.getRotationMatrix2D((50, 50), -np.degrees(angle), 1.0)  # OpenCV counts counter-clockwise
    turned = cv2.warpAffine(upright, turn, (101, 101))
    cut = cut_region(turned, np.array([50, 50]), (40, 10), out_size=(40, 10), angle=angle)
    assert (cut > 200).mean() > 0.9


def test_beyond_the_edge_the_border_is_repeated():
    cut = cut_faces(np.repeat(gradient()[None, :, :, None], 3, axis=3), np.array([[-40, 0, 40, 80]]), size=40, margin=1)
    assert cut.shape == (1, 40, 40, 3)
    assert (cut[0, :, :18] == 0).all()
    assert cut[0, 20, -1, 0] > 60
