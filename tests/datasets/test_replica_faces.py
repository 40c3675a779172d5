"""Photographs to identities to frames."""

import cv2
import numpy as np
import pytest

from zoo.datasets.replica.identity import FRAME, make_face, prepare
from zoo.datasets.replica.photos import astronaut, read_photographs
from zoo.datasets.replica.renderer import TalkingHead, draw_pose
from zoo.errors import DataError

STILL = np.float32([[0, 0, 0, 1]])


@pytest.fixture(scope="module")
def sitter():
    return prepare(astronaut())


def frame(head: TalkingHead, opening: float, spread: float = 0.0) -> np.ndarray:
    (picture,) = head.draw(np.float32([[opening, spread]]), STILL)
    return picture.astype(np.int16)


def mouth_area(face) -> tuple[slice, slice]:
    x, y = (face.mouth.mean(0) - 32).astype(int)  # the frame is cut out of the canvas 32 pixels in
    return slice(y - 10, y + 30), slice(x - 25, x + 25)


def test_identities_differ_and_repeat_by_seed(sitter):
    one, same, other = (make_face(sitter, rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one.texture, same.texture) and np.array_equal(one.background, same.background)
    assert np.abs(one.texture.astype(int) - other.texture).mean() > 5


def test_the_mouth_corners_stay_on_the_mouth(sitter):
    for seed in range(8):
        face = make_face(sitter, rng=np.random.default_rng(seed))
        (left, right), width = face.mouth, np.ptp(face.mouth[:, 0])
        assert 30 < width < 60 and abs(left[1] - right[1]) < 8
        assert 120 < face.mouth[:, 0].mean() < 168 and 150 < face.mouth[:, 1].mean() < 200
        assert left[0] < right[0]


def test_opening_the_mouth_changes_the_mouth_and_darkens_it(sitter):
    face = make_face(sitter, rng=np.random.default_rng(0))
    head = TalkingHead(face)
    shut, half, wide = (frame(head, opening) for opening in (0.0, 0.4, 0.8))
    area = mouth_area(face)
    assert shut[area].mean() > half[area].mean() > wide[area].mean()
    elsewhere = np.abs(wide - shut).mean(-1)
    elsewhere[slice(area[0].start - 20, None)] = 0
    assert elsewhere.max() == 0  # nothing moves above the nose


def test_spread_lips_are_wider_than_rounded_ones(sitter):
    head = TalkingHead(make_face(sitter, rng=np.random.default_rng(0)))
    assert np.abs(frame(head, 0.5, 1.0) - frame(head, 0.5, -1.0)).max() > 20


def test_a_shut_mouth_is_the_photograph_untouched(sitter):
    face = make_face(sitter, rng=np.random.default_rng(2))
    inner = face.texture[32 : 32 + FRAME, 32 : 32 + FRAME]
    person = face.matte[32 : 32 + FRAME, 32 : 32 + FRAME] > 0.999
    assert person.mean() > 0.2
    assert np.abs(frame(TalkingHead(face), 0.0) - inner)[person].max() <= 2


def test_the_head_moves_smoothly():
    pose = draw_pose(frames=75, fps=25, amount=1.0, rng=np.random.default_rng(0))
    assert pose.shape == (75, 4)
    assert np.abs(np.diff(pose, axis=0)).max(0)[:2].max() < 1.5  # pixels a frame
    assert np.ptp(pose[:, 0]) > 1 and 0.85 < pose[:, 3].min() <= pose[:, 3].max() < 1.15


def test_photographs_without_one_clear_face_are_counted_and_named(tmp_path):
    pixels = astronaut().pixels
    cv2.imwrite(str(tmp_path / "face.png"), pixels[:300, 80:400, ::-1])
    cv2.imwrite(str(tmp_path / "pair.png"), np.hstack([pixels[:300, 80:400], pixels[:300, 80:400]])[..., ::-1])
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    photographs, left_out = read_photographs(tmp_path)
    assert [photograph.name for photograph in photographs] == ["face.png"]
    assert sorted(left_out) == [
        "broken.jpg: not a readable picture",
        "pair.png: 2 clear faces",
        "wall.png: no clear face",
    ]


def test_photographs_without_any_face_are_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(DataError, match="None of the 1 photographs"):
        read_photographs(tmp_path)
