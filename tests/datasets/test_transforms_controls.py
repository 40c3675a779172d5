"""Control tasks: what is hidden is hidden, and the rest of the picture is as it was."""

import numpy as np
import pytest

from zoo.datasets.transforms.controls import BackgroundOnly, MaskedFace
from zoo.errors import ConfigError
from zoo.registry import build


def applied(transform, image):
    return transform({"image": image}, np.random.default_rng(0))["image"]


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 100, (40, 60, 3), dtype=np.uint8)


def test_a_face_is_masked_and_the_corners_stay(picture):
    before = picture.copy()
    found = applied(build("transform", {"type": "MaskedFace"}), picture)
    np.testing.assert_array_equal(picture, before)
    hidden = (found == 128).all(axis=2)
    assert hidden.mean() == pytest.approx(np.pi / 4 * 0.75 * 0.95, abs=0.02)
    assert hidden[20, 30] and hidden[2, 30] and hidden[20, 8] and not hidden[0, 30] and not hidden[20, 6]
    np.testing.assert_array_equal(hidden, hidden[::-1, ::-1])
    np.testing.assert_array_equal(found[~hidden], before[~hidden])
    small = applied(MaskedFace(width=0.2, height=0.2, value=255), picture)
    assert (small == 255).all(axis=2).mean() < 0.05


def test_only_a_frame_is_left(picture):
    before = picture.copy()
    found = applied(build("transform", {"type": "BackgroundOnly"}), picture)
    np.testing.assert_array_equal(picture, before)
    assert (found[4:-4, 6:-6] == 128).all()
    frame = np.ones(found.shape[:2], bool)
    frame[4:-4, 6:-6] = False
    np.testing.assert_array_equal(found[frame], before[frame])


def test_a_tiny_picture_keeps_a_pixel_of_frame():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    found = applied(BackgroundOnly(border=0.01), image)
    assert (found == 128).all(axis=2).sum() == 4


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (MaskedFace, {"width": 0}),
        (MaskedFace, {"height": 1.5}),
        (MaskedFace, {"value": 256}),
        (BackgroundOnly, {"border": 0.5}),
        (BackgroundOnly, {"border": 0}),
        (BackgroundOnly, {"value": -1}),
    ],
)
def test_impossible_options_are_config_errors(kind, options):
    with pytest.raises(ConfigError):
        kind(**options)
