import cv2
import numpy as np
import pytest

from zoo.errors import DataError
from zoo.faces.align import TEMPLATE, align_face, fit_similarity, template


def moved(points, *, angle, scale, shift):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + shift


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0, np.pi])
def test_a_similarity_is_recovered(angle):
    source = np.random.default_rng(0).normal(size=(5, 2)) * 30
    target = moved(source, angle=angle, scale=0.3, shift=[40, -7])
    matrix = fit_similarity(source, target)
    np.testing.assert_allclose(source @ matrix[:, :2].T + matrix[:, 2], target, atol=1e-9)


def test_the_fit_is_the_least_squares_one_and_never_mirrors():
    random = np.random.default_rng(1)
    source, target = random.normal(size=(5, 2)), random.normal(size=(5, 2))
    matrix = fit_similarity(source, target)
    assert np.linalg.det(matrix[:, :2]) > 0

    def error(a, b, x, y):
        return ((source @ np.array([[a, -b], [b, a]]).T + [x, y] - target) ** 2).sum()

    best = [matrix[0, 0], matrix[1, 0], *matrix[:, 2]]
    assert all(error(*best) <= error(*(best + 0.05 * random.normal(size=4))) for _ in range(200))


def test_the_fit_agrees_with_scikit_image():
    transform = pytest.importorskip("skimage.transform")
    source, target = np.random.default_rng(2).normal(size=(2, 5, 2)) * 20
    kind = transform.SimilarityTransform
    theirs = (
        kind.from_estimate(source, target)
        if hasattr(kind, "from_estimate")
        else transform.estimate_transform("similarity", source, target)
    )
    np.testing.assert_allclose(fit_similarity(source, target), theirs.params[:2], atol=1e-9)


@pytest.mark.parametrize("size", [32, 64, 224])  # far smaller than the face, smaller, larger
@pytest.mark.parametrize("margin", [1.0, 1.5])
def test_points_come_to_lie_on_the_template(size, margin):
    points = moved(TEMPLATE - 0.5, angle=0.35, scale=150, shift=[160, 140])
    frame = np.zeros((300, 320, 3), np.uint8)
    for x, y in points:
        cv2.circle(frame, (round(x * 16), round(y * 16)), 7 * 16, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    cut = align_face(frame, points, size=size, margin=margin)
    assert cut.shape == (size, size, 3)
    expected = template(size=size, margin=margin)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)
    for point in expected:
        near = np.linalg.norm(grid - point, axis=-1) < size / margin * 0.08
        weights = cut[..., 0] * near
        center = (grid * weights[..., None]).sum(axis=(0, 1)) / weights.sum()
        np.testing.assert_allclose(center, point, atol=0.25 + size / 300)


def test_unknown_points_are_an_error_unless_fewer_are_allowed():
    points = moved(TEMPLATE, angle=0.1, scale=50, shift=[5, 5])
    points[3:] = np.nan
    frame = np.random.default_rng(3).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="needs 5 points of the face; the detector gave 3"):
        align_face(frame, points, size=32)
    whole = moved(TEMPLATE, angle=0.1, scale=50, shift=[5, 5])
    by_three, by_five = align_face(frame, points, size=32, min_points=3), align_face(frame, whole, size=32)
    np.testing.assert_allclose(by_three.astype(int), by_five, atol=2)  # here the points agree with the template


@pytest.mark.parametrize("points", [np.full((5, 2), 7.0), np.full((5, 2), np.nan)])
def test_points_that_determine_nothing_are_an_error(points):
    with pytest.raises(DataError):
        align_face(np.zeros((20, 20, 3), np.uint8), points, size=16)
