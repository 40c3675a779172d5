import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A public-domain photograph of one face, uint8 [512, 512, 3]."""
    data = pytest.importorskip("skimage.data")
    return data.astronaut()


@pytest.fixture(scope="session")
def moving_face(portrait):
    """50 frames at 25 fps of a face that drifts 24 pixels to the right, and the horizontal position of each cut."""
    lefts = np.linspace(96, 72, 50)
    frames = [cv2.getRectSubPix(portrait, (224, 224), (left + 112, 112.0)) for left in lefts]
    return np.stack(frames), np.arange(50) / 25, lefts
