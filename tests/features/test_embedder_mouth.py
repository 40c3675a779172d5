import cv2
import numpy as np
import pytest

from zoo.errors import DataError
from zoo.features.embedder import rows_of
from zoo.features.mouth import MouthPixels
from zoo.structures import FaceTrack


def drawn_face(opening, *, shift=(0.0, 0.0), scale=1.0, angle=0.0, gain=1.0):
    """A face of dots with a mouth open by ``opening`` pixels, 160 x 160, and its points."""
    frame = np.full((160, 160, 3), 150, np.uint8)
    for eye in ((60, 60), (100, 60)):
        cv2.circle(frame, eye, 6, (40, 40, 40), -1, cv2.LINE_AA)
    cv2.rectangle(frame, (62, 98), (98, 102 + int(opening)), (30, 30, 30), -1)
    points = np.array([[60, 60], [100, 60], [80, 80], [62, 100], [98, 100]], np.float32)
    move = cv2.getRotationMatrix2D((80, 80), np.degrees(-angle), scale)
    move[:, 2] += shift
    frame = cv2.warpAffine(frame, move, (160, 160), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    points = points @ move[:, :2].T.astype(np.float32) + move[:, 2].astype(np.float32)
    return np.clip(frame * gain, 0, 255).astype(np.uint8), points


def clip(openings, **looks):
    frames, points = zip(*[drawn_face(opening, **looks) for opening in openings], strict=True)
    points = np.stack(points)
    boxes = np.concatenate([points.min(axis=1) - 20, points.max(axis=1) + 20], axis=1)
    count = len(openings)
    track = FaceTrack(times=np.arange(count) / 25, boxes=boxes, scores=np.ones(count), points=points, mask=None)
    return np.stack(frames), track


OPENINGS = 6 + 6 * np.sin(np.arange(40) / 3)


def opening_signal(rows):
    """The first principal component along time."""
    return np.linalg.svd(rows - rows.mean(axis=0))[0][:, 0]


@pytest.mark.parametrize("looks", [{}, {"scale": 0.8}, {"angle": 0.3}, {"shift": (9.0, -7.0)}, {"gain": 0.7}])
def test_rows_follow_the_opening_whatever_the_pose_and_light(looks):
    rows = MouthPixels().embed(*clip(OPENINGS, **looks))
    assert rows.shape == (40, 512)
    assert rows.dtype == np.float32
    assert abs(np.corrcoef(opening_signal(rows), OPENINGS)[0, 1]) > 0.95
    plain = MouthPixels().embed(*clip(OPENINGS))
    assert np.corrcoef(rows.ravel(), plain.ravel())[0, 1] > 0.8  # the same pixels show the same thing


def test_a_mouth_that_opens_half_as_far_gives_less_not_the_same():
    wide, narrow = (MouthPixels().embed(*clip(size * OPENINGS)) for size in (1.0, 0.5))
    assert np.abs(narrow).sum() < 0.8 * np.abs(wide).sum()


def test_a_still_face_gives_nothing_but_noise_that_is_not_amplified():
    rows = MouthPixels().embed(*clip(np.full(20, 6)))
    assert np.abs(rows).max() < 0.1


def test_masked_rows_are_zero_and_do_not_touch_the_others():
    frames, track = clip(OPENINGS)
    mask = np.ones(40, bool)
    mask[10:20] = False
    masked = FaceTrack(times=track.times, boxes=track.boxes, scores=track.scores, points=track.points, mask=mask)
    rows = MouthPixels().embed(frames, masked)
    assert not rows[~mask].any()
    np.testing.assert_array_equal(rows[mask], MouthPixels().embed(frames[mask], rows_of(track, mask)))


def test_without_points_the_box_tells_where_the_mouth_is():
    frames, track = clip(OPENINGS)
    boxes = np.tile(np.array([[38, 30, 122, 122]], np.float32), (40, 1))
    rows = MouthPixels().embed(frames, FaceTrack(times=track.times, boxes=boxes, scores=track.scores))
    assert abs(np.corrcoef(opening_signal(rows), OPENINGS)[0, 1]) > 0.9


def test_appearance_can_be_kept():
    rows = MouthPixels(remove_mean=False).embed(*clip(OPENINGS))
    assert np.abs(rows.mean(axis=0)).max() > 0.5
    assert MouthPixels(remove_mean=False).fingerprint() != MouthPixels().fingerprint()


def test_points_without_the_mouth_are_an_error_and_not_guessed():
    frames, track = clip(OPENINGS[:6])
    track.points[2:, 3:] = np.nan
    with pytest.raises(DataError, match="On 4 of 6 frames the face detector gave no mouth corners"):
        MouthPixels().embed(frames, track)
    track.points[2:, 3:], track.points[:, 2] = 70, np.nan
    assert np.isfinite(MouthPixels().embed(frames, track)).all()  # the nose is not needed
