import cv2
import numpy as np
import pytest

from zoo.faces.likeness import hash_distance, perceptual_hash


@pytest.fixture(scope="module")
def crops():
    """40 smooth random pictures, uint8 [40, 96, 96, 3]."""
    coarse = np.random.default_rng(0).integers(0, 255, (40, 9, 9, 3), dtype=np.uint8)
    return np.stack([cv2.resize(one, (96, 96), interpolation=cv2.INTER_CUBIC) for one in coarse])


def test_hashes_agree_with_the_reference_but_for_rounding(crops, portrait):
    imagehash = pytest.importorskip("imagehash")
    image = pytest.importorskip("PIL.Image")
    for pictures in (crops, portrait[None], portrait[None, 50:200, 150:300]):
        theirs = [int(str(imagehash.phash(image.fromarray(one))), 16) for one in pictures]
        distance = hash_distance(perceptual_hash(pictures), np.array(theirs, np.uint64))
        assert distance.max() <= 4
        assert distance.mean() < 1.5


def test_recompression_and_scaling_hardly_change_a_hash_and_other_pictures_do(crops):
    def again(picture):
        small = cv2.resize(picture, (60, 60), interpolation=cv2.INTER_AREA)
        return cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)

    hashes, changed = perceptual_hash(crops), perceptual_hash(np.stack([again(one) for one in crops]))
    assert hash_distance(hashes, changed).max() <= 6
    apart = hash_distance(hashes[:, None], hashes[None])[np.triu_indices(len(crops), 1)]
    assert apart.min() > 10
    assert 28 < apart.mean() < 36


def test_types_and_shapes(crops):
    hashes = perceptual_hash(crops)
    assert (hashes.dtype, hashes.shape) == (np.uint64, (40,))
    assert perceptual_hash(crops[:0]).shape == (0,)
    np.testing.assert_array_equal(perceptual_hash(crops[7:9]), hashes[7:9])


def test_distance_counts_bits_and_broadcasts():
    first = np.array([0, 1, 2**64 - 1], np.uint64)
    second = np.array([0, 2**63], np.uint64)
    np.testing.assert_array_equal(hash_distance(first[:, None], second), [[0, 1], [1, 2], [64, 63]])
    assert hash_distance(np.uint64(7), np.uint64(0)) == 3
