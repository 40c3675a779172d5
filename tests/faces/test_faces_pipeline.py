"""A video to face crops: which faces, where they are cut, and what is told of them."""

import pickle

import cv2
import numpy as np
import pytest
from stub_faces import BLUE, GREEN, RED, NearSquareDetector, SquareDetector, film, scene

from zoo.errors import ConfigError, DataError, MediaError
from zoo.faces.align import template
from zoo.faces.crop import cut_faces, points_in_cut
from zoo.faces.detections import Detections
from zoo.faces.pipeline import FaceCropper, KnownFaces
from zoo.faces.track import Sightings
from zoo.media.choice import Clips, Evenly, EverySeconds
from zoo.structures import VideoRecord


def record(path, **facts):
    return VideoRecord(
        **{"video_id": "v", "corpus": "c", "split": None, "label": 1, "method": "m", **facts}, path=str(path)
    )


def cropper(**options):
    return FaceCropper(**{"detector": SquareDetector(), "choice": Evenly(8), "image_size": 32, **options})


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """Five seconds in which a red face walks from left to right, 1.6 pixels a frame."""
    frames = (scene((5 + 1.6 * k, 30, 36, RED)) for k in range(50))
    return film(tmp_path_factory.mktemp("pipeline") / "walk.mp4", frames)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A large red face through the whole video, a smaller blue one in its second half only."""
    frames = (scene((5, 20, 50, RED), *([(80, 30, 34, BLUE)] if k >= 25 else [])) for k in range(50))
    return film(tmp_path_factory.mktemp("pipeline") / "pair.mp4", frames)


def colours(crops):
    """The strongest channel in the middle of each crop."""
    return crops.pictures[:, 10:22, 10:22].mean(axis=(1, 2)).argmax(axis=1).tolist()


def test_the_crops_of_a_walking_face(walk):
    crops = cropper().crop(record(walk))
    assert crops.status == "ok" and crops.pictures.shape == (8, 32, 32, 3)
    assert crops.position.tolist() == list(range(8)) and set(crops.track.tolist()) == {0}
    np.testing.assert_allclose(crops.times, crops.sampled)
    lefts = 5 + 1.6 * np.rint(crops.times * 10)
    np.testing.assert_allclose(crops.boxes[:, 0], lefts, atol=2)
    np.testing.assert_allclose(crops.boxes[:, 3] - crops.boxes[:, 1], 36, atol=2)
    assert colours(crops) == [0] * 8
    assert crops.frame_size == (128, 96) and crops.ledger.complete
    assert set(crops.detectors) == {"SquareDetector"} and crops.scores == pytest.approx(0.99)


@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0])
def test_the_margin_is_a_share_of_the_longer_side_on_every_side(tmp_path, margin):
    path = film(tmp_path / "still.mp4", [scene((48, 32, 32, RED))] * 8)
    crops = cropper(margin=margin, image_size=90, choice=Evenly(1)).crop(record(path))
    inside = (np.ptp(crops.pictures[0].astype(int), axis=2) > 60).sum(axis=1).max() / 90
    assert inside == pytest.approx(1 / (1 + 2 * margin), abs=0.05)


def test_faces_at_the_edge_are_cut_square(tmp_path):
    path = film(tmp_path / "edge.mp4", [scene((0, 0, 30, RED))] * 4)
    crops = cropper(margin=1.0).crop(record(path))
    assert crops.pictures.shape[1:] == (32, 32, 3) and colours(crops) == [0] * len(crops.pictures)


def test_the_rules_choose_among_people(pair, tmp_path):
    largest = cropper(faces="largest", choice=Evenly(10)).crop(record(pair))
    assert set(colours(largest)) == {0} and len(largest.pictures) == 10
    everybody = cropper(faces="all", choice=Evenly(10)).crop(record(pair))
    assert everybody.track.tolist() == [0] * 10 + [1] * 5
    assert everybody.position.tolist() == [*range(10), *range(5, 10)]
    assert colours(everybody) == [0] * 10 + [2] * 5
    mask = film(tmp_path / "mask.mp4", [scene(size=(48, 64)) * 0 + cover for cover in painted_masks()])
    manipulated = cropper(faces="manipulated", choice=Evenly(10)).crop(record(pair, mask_path=str(mask)))
    assert colours(manipulated) == [2] * 5 and manipulated.note == ""
    without = cropper(faces="manipulated", choice=Evenly(10)).crop(record(pair))
    assert set(colours(without)) == {0} and "no mask" in without.note


def painted_masks():
    """White over the blue face, at half the size of the frames."""
    cover = np.zeros((48, 64, 3), np.uint8)
    cover[15:32, 40:57] = 255
    return [cover] * 50


def test_a_mask_that_cannot_be_read_is_a_failure_not_a_guess(pair, tmp_path):
    with pytest.raises(MediaError):
        cropper(faces="manipulated").crop(record(pair, mask_path=str(tmp_path / "absent.mp4")))


def test_no_face_and_a_face_in_a_part_only(tmp_path):
    none = cropper().crop(record(film(tmp_path / "none.mp4", [scene()] * 20)))
    assert (none.status, len(none.pictures), len(none.sampled)) == ("no_face", 0, 8)
    frames = [scene(*([(40, 30, 40, GREEN)] if k >= 15 else [])) for k in range(20)]
    part = cropper().crop(record(film(tmp_path / "part.mp4", frames)))
    assert part.status == "ok" and part.position.tolist() == [6, 7] and len(part.sampled) == 8


def test_a_short_video_gives_each_frame_once(tmp_path):
    crops = cropper(choice=Evenly(32)).crop(record(film(tmp_path / "short.mp4", [scene((9, 9, 40, RED))] * 3)))
    assert len(crops.pictures) == len(set(crops.times.tolist())) == 3


def test_every_seconds_and_clips_carry_their_times(walk):
    crops = cropper(choice=EverySeconds(0.5)).crop(record(walk))
    np.testing.assert_allclose(crops.times, np.arange(10) * 0.5, atol=1e-6)
    clips = cropper(choice=Clips(3, 5)).crop(record(walk))
    assert len(clips.times) == 15
    np.testing.assert_allclose(np.diff(clips.times.reshape(3, 5), axis=1), 0.1, atol=1e-6)


class Trembling(SquareDetector):
    """Boxes that tremble by four pixels from frame to frame."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def detect(self, frames):
        found = []
        for frame in frames:
            self.calls += 1
            (one,) = super().detect(frame[None])
            found.append(one.shifted(4.0 * (-1) ** self.calls, 0))
        return found


def test_boxes_are_smoothed_within_clips_and_not_between_them(tmp_path):
    frames = [scene((20 if k < 20 else 60, 20, 40, RED)) for k in range(40)]
    path = film(tmp_path / "jump.mp4", frames, fps=25)
    clips = cropper(detector=Trembling(), choice=Clips(2, 10)).crop(record(path)).boxes[:, 0].reshape(2, 10)
    np.testing.assert_allclose(clips, [[20] * 10, [60] * 10], atol=2.5)
    raw = cropper(detector=Trembling(), choice=Clips(2, 10), smooth_s=1e-9).crop(record(path)).boxes[:, 0]
    assert np.abs(raw.reshape(2, 10) - clips).max() > 2.5
    sparse = cropper(detector=Trembling(), choice=EverySeconds(0.4)).crop(record(path)).boxes[:, 0]
    assert np.abs(np.diff(sparse)).min() > 6  # frames that far apart are left as found


def test_frames_that_do_not_fit_are_decoded_twice_to_the_same_crops(pair):
    kept = cropper(faces="all").crop(record(pair))
    twice = cropper(faces="all", kept_bytes=0).crop(record(pair))
    assert np.array_equal(kept.pictures, twice.pictures)
    assert twice.ledger == kept.ledger


def test_near_searches_and_whole_ones_give_the_same_crops(walk):
    near = cropper(detector=NearSquareDetector(), choice=Evenly(25)).crop(record(walk))
    whole = cropper(detector=NearSquareDetector(), choice=Evenly(25), refresh=1).crop(record(walk))
    assert np.abs(near.boxes - whole.boxes).max() < 2
    assert cropper(faces="all", refresh=8).refresh == 1


def test_aligned_faces_have_their_points_in_the_same_places(tmp_path):
    frames = [scene((10 + k, 10, 30 + k, RED)) for k in range(12)]
    path = film(tmp_path / "grow.mp4", frames)
    crops = cropper(align=True, image_size=60, choice=Evenly(4)).crop(record(path))
    sides = [(np.ptp(picture.astype(int), axis=2) > 60).any(axis=0).sum() for picture in crops.pictures]
    assert np.ptp(sides) <= 3
    assert np.isfinite(crops.points).all()


class Blind(SquareDetector):
    def detect(self, frames):
        return [Detections(one.boxes, one.scores, one.points * np.nan) for one in super().detect(frames)]


def test_aligning_needs_points(walk):
    with pytest.raises(DataError, match="points of the face"):
        list(cropper(detector=Blind(), align=True).crop(record(walk)).cut())


@pytest.mark.parametrize("align", [False, True])
def test_points_are_known_in_the_crops_too(walk, align):
    crops = cropper(align=align, margin=0.3, image_size=50).crop(record(walk))
    assert len(crops.crop_points) == len(crops.track) > 1
    for points, own in zip(crops.points, crops.crop_points, strict=True):
        np.testing.assert_allclose(own, template(size=50, margin=1.6), atol=0.8)
        np.testing.assert_allclose(np.ptp(own, axis=0) / np.ptp(points, axis=0), 50 / 36 / 1.6, rtol=0.1)
    assert np.isnan(cropper(detector=Blind()).crop(record(walk)).crop_points).all()


def test_points_in_a_cut_are_where_the_picture_shows_them():
    frame = np.zeros((90, 120, 3), np.uint8)
    frame[41, 67] = frame[30, 50] = 255
    box = np.array([30, 20, 80, 60], np.float32)
    marks = np.array([[67, 41], [50, 30]], np.float32)
    (cut,) = cut_faces(frame[None], box[None], size=140, margin=1.4)
    for x, y in points_in_cut(marks, box, size=140, margin=1.4):
        near = cut[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4, 0].astype(float)
        rows, columns = np.indices(near.shape) - 3
        assert near.sum() > 255
        assert abs((rows * near).sum() / near.sum() + round(y) - y) < 0.1
        assert abs((columns * near).sum() / near.sum() + round(x) - x) < 0.1


def as_known(crops):
    return KnownFaces(
        people=[
            Sightings(
                times=crops.times.tolist(),
                boxes=list(crops.boxes),
                scores=crops.scores.tolist(),
                points=list(crops.points),
            )
        ],
        frame_size=crops.frame_size,
    )


@pytest.mark.parametrize("choice", [Evenly(6), Clips(2, 6)])
@pytest.mark.parametrize("align", [False, True])
def test_known_boxes_cut_another_video_alike_to_the_pixel(walk, tmp_path, choice, align):
    genuine = cropper(detector=Trembling(), choice=choice, align=align).crop(record(walk))
    fake = film(tmp_path / "fake.mp4", [scene((5 + 1.6 * k, 30, 36, BLUE)) for k in range(50)])
    for path in (walk, fake):
        cut = cropper(choice=choice, align=align, detector=Blind()).crop(record(path), known=as_known(genuine))
        np.testing.assert_array_equal(cut.boxes, genuine.boxes)
        assert (cut.position.tolist(), set(cut.detectors)) == (genuine.position.tolist(), {"original"})
        if path is walk:
            assert np.array_equal(cut.pictures, genuine.pictures)


def test_known_boxes_follow_another_frame_size_and_are_not_guessed_where_unseen(walk, tmp_path):
    genuine = cropper().crop(record(walk))
    frames = [cv2.resize(scene((5 + 1.6 * k, 30, 36, RED)), (256, 192)) for k in range(50)]
    known = as_known(genuine)
    known.people[0].times[:] = known.people[0].times[:4]
    for name in ("boxes", "scores", "points"):
        setattr(known.people[0], name, getattr(known.people[0], name)[:4])
    large = cropper().crop(record(film(tmp_path / "large.mp4", frames)), known=known)
    assert large.position.tolist() == [0, 1, 2, 3] and len(large.sampled) == 8
    np.testing.assert_allclose(large.boxes, 2 * genuine.boxes[:4], rtol=1e-6)


def test_pictures_that_are_crops_already_are_only_resized(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), scene((0, 0, 40, RED), size=(40, 40 + 8 * number))[..., ::-1])
    crops = cropper(detector=None).crop(record(tmp_path))
    assert crops.pictures.shape == (3, 32, 32, 3) and set(crops.detectors) == {"none"}
    assert crops.boxes.tolist() == [[0, 0, 40 + 8 * number, 40] for number in range(3)]
    assert crops.times.tolist() == [0, 1, 2]


def test_clips_and_seconds_of_stills(tmp_path):
    for number in range(30):
        cv2.imwrite(str(tmp_path / f"{number}.png"), scene((20, 20, 40, RED))[..., ::-1])
    assert cropper(choice=Clips(2, 4)).crop(record(tmp_path)).times.tolist() == [5, 6, 7, 8, 20, 21, 22, 23]
    assert len(cropper(choice=EverySeconds(2.0)).crop(record(tmp_path)).times) == 30


def test_provenance_tells_what_shapes_the_crops():
    base = cropper().provenance()
    assert base == pickle.loads(pickle.dumps(cropper())).provenance()
    for options in (
        {"detector": SquareDetector(least=12)},
        {"detector": None},
        {"choice": Evenly(9)},
        {"faces": "all"},
        {"margin": 0.3},
        {"image_size": 48},
        {"align": True},
        {"smooth_s": 0.2},
        {"refresh": 3},
    ):
        assert cropper(**options).provenance() != base, options
    assert cropper(kept_bytes=5).provenance() == base


@pytest.mark.parametrize("options", [{"image_size": 8}, {"margin": -0.1}, {"margin": 5.0}, {"margin": float("nan")}])
def test_sizes_that_make_no_crop_are_refused(options):
    with pytest.raises(ConfigError, match="makes no sense"):
        cropper(**options)
