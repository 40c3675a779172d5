"""What a face detector promises: a face where one is, in pixels of the frame, the same in every batch and process."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from zoo.errors import MissingDependency
from zoo.faces.detections import Detections, FaceDetector, FaceRefiner, NearDetector, box_overlaps
from zoo.testing.case import Case, expect
from zoo.testing.component import keep_promises

FaceCheck = Callable[[Case], None]
_FACE: Final = ((180, 65, 270, 180),)  # in `portrait`


def check_face_detector(
    component: str | type, config: Mapping[str, Any] | None = None, *, other: Mapping[str, Any] | None = None
) -> None:
    """The contract of a face detector, over one public-domain portrait (out of scikit-image).

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.
        other: arguments that find other faces, so that the fingerprint must differ.

    Raises:
        ContractBroken: it breaks a promise.
        MissingDependency: its weights, a package that it needs, or scikit-image are absent.
    """
    case = Case(kind="face_detector", component=component, config=config or {})
    keep_promises(case, CHECKS)
    if other is not None:
        fingerprint_follows_what_matters(case, Case(kind=case.kind, component=component, config=other))


def portrait() -> np.ndarray:
    """A photograph of one face, uint8 [512, 512, 3].

    Raises:
        MissingDependency: scikit-image is absent.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise MissingDependency.extra("scikit-image", "replica", where="zoo.testing") from error
    return data.astronaut()


def finds_the_face_in_pixels_of_the_frame(case: Case) -> None:
    """It finds the one face of a portrait, in colour and in grey, with points where they belong or NaN."""
    frame = portrait()
    grey = np.repeat(frame.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    detector = case.make()
    for what, picture in (("in colour", frame), ("in grey", grey)):
        (found,) = detector.detect(picture[None])
        _expect_well_formed(found)
        expect(len(found) == 1, f"{len(found)} faces found {what}, not 1")
        overlap = box_overlaps(found.boxes, np.array(_FACE))[0, 0]
        expect(overlap > 0.5, f"the box {found.boxes[0].round().tolist()} overlaps the face by {overlap:.2f} {what}")
        _expect_points_belong(found.points[0])


def no_frame_no_face_and_hardly_a_pixel(case: Case) -> None:
    """No frames, tiny frames and frames of one colour give no face and no error."""
    detector = case.make()
    for shape in ((0, 64, 64, 3), (2, 1, 1, 3), (1, 3, 500, 3), (3, 90, 70, 3), (1, 0, 8, 3)):
        found = detector.detect(np.full(shape, 90, np.uint8))
        expect([len(one) for one in found] == [0] * shape[0], f"frames {shape}: {[len(one) for one in found]} faces")
        expect(all(one.points.shape == (0, 5, 2) for one in found), f"frames {shape}: points are not [0, 5, 2]")


def equal_frames_get_equal_answers_in_any_batch(case: Case) -> None:
    """A frame gets the same answer alone, in a batch, and again."""
    detector = case.make()
    face = portrait()[:224, 96:320]
    frames = np.stack([face, np.zeros_like(face), face[:, ::-1]])
    together = detector.detect(frames)
    expect([len(found) for found in together] == [1, 0, 1], f"faces found: {[len(found) for found in together]}")
    for frame, found in zip(frames, together, strict=True):
        (alone,) = detector.detect(frame[None])
        expect(np.allclose(alone.boxes, found.boxes, atol=0.01), "the batch matters")
    for first, second in zip(detector.detect(frames), together, strict=True):
        _expect_equal(first, second, "a second search")


def frames_are_not_changed_and_need_not_be_contiguous(case: Case) -> None:
    """Frames stay as they are, and may be parts of others."""
    detector, frame = case.make(), portrait()
    wide = np.concatenate([frame, frame], axis=1)
    (found,) = detector.detect(wide[None, :, :512])
    expect(np.array_equal(wide[:, :512], frame), "the frame is changed")
    _expect_equal(found, detector.detect(frame[None])[0], "a view of a frame")


def a_search_around_a_known_box_finds_the_same_face(case: Case) -> None:
    """`detect_near` finds the face again around a box, and none elsewhere (`zoo.faces.near.search_near` does it)."""
    detector, frame = case.make(), portrait()
    expect(isinstance(detector, NearDetector), "it has no method detect_near(frames, boxes)")
    (whole,) = detector.detect(frame[None])
    expect(len(whole), "no face is found in the portrait")
    around = [whole.boxes[0] + np.float32(8), whole.boxes, np.zeros((0, 4)), np.array([300, 400, 350, 450])]
    near = detector.detect_near(np.stack([frame] * 4), around)
    expect([len(found) for found in near] == [1, 1, 0, 0], f"faces found: {[len(found) for found in near]}")
    for found in near[:2]:
        _expect_well_formed(found)
        expect(box_overlaps(found.boxes, whole.boxes)[0, 0] > 0.5, "another box")
        near_points = np.allclose(found.points[0, :3], whole.points[0, :3], atol=10, equal_nan=True)
        expect(near_points, "other points")


def one_that_refines_moves_a_box_onto_the_face(case: Case) -> None:
    """`refine`, where there is one, moves a box onto the face and doubts an empty one."""
    detector, frame = case.make(), portrait()
    if not isinstance(detector, FaceRefiner):
        return
    (whole,) = case.make().detect(frame[None])
    expect(len(whole), "no face is found in the portrait")
    guesses = whole.boxes[[0, 0]] + np.array([[10], [230]], np.float32)
    refined = detector.refine(np.stack([frame, frame]), guesses)
    expect(len(refined) == 2, f"{len(refined)} faces for 2 boxes")
    expect(refined.scores[0] > 0.7 > refined.scores[1], f"the scores are {refined.scores.tolist()}")
    expect(box_overlaps(refined.boxes[:1], whole.boxes)[0, 0] > 0.7, "the box is not on the face")


def a_copy_in_another_process_finds_the_same(case: Case) -> None:
    """A pickled copy carries no network, has the same fingerprint and finds the same."""
    detector, frame = case.make(), portrait()
    expect(isinstance(detector, FaceDetector), "detect(frames) or fingerprint() is missing")
    (found,) = detector.detect(frame[None])
    pickled = pickle.dumps(detector)
    expect(len(pickled) < 5_000, f"pickled it has {len(pickled):,} bytes; leave weights out of __getstate__")
    copy = pickle.loads(pickled)
    expect(copy.fingerprint() == detector.fingerprint() == case.make().fingerprint(), "another fingerprint")
    _expect_equal(copy.detect(frame[None])[0], found, "a copy")


def fingerprint_follows_what_matters(case: Case, other: Case) -> None:
    """Other arguments give another fingerprint."""
    expect(case.make().fingerprint() != other.make().fingerprint(), f"{case}: {dict(other.config)} changes nothing")


def _expect_well_formed(found: Detections) -> None:
    count = len(found)
    shapes = (found.boxes.shape, found.scores.shape, found.points.shape)
    expect(shapes == ((count, 4), (count,), (count, 5, 2)), f"boxes, scores and points have the shapes {shapes}")
    types = {found.boxes.dtype, found.scores.dtype, found.points.dtype}
    expect(types == {np.dtype(np.float32)}, f"the types are {types}, not float32")
    expect((found.boxes[:, :2] < found.boxes[:, 2:]).all(), "a box is empty")
    expect(((found.scores >= 0) & (found.scores <= 1)).all(), "a score is outside [0, 1]")
    expect((np.diff(found.scores) <= 0).all(), "the highest score is not first")
    expect(len(found.sources) in (0, count), "sources are not one a face")


def _expect_points_belong(points: np.ndarray) -> None:
    """Eyes and nose of the portrait, and mouth corners below; those that are NaN are not given."""
    left_eye, right_eye, nose, left_corner, right_corner = points
    if not np.isnan(points[:3]).all():
        expect(190 < left_eye[0] < nose[0] < right_eye[0] < 265, "the eyes are not left and right of the nose")
        expect(max(left_eye[1], right_eye[1]) < nose[1] < 180, "the nose is not below the eyes")
    if not np.isnan(points[3:]).all():
        expect(left_corner[0] < right_corner[0], "the mouth's corners are swapped")
        expect(min(left_corner[1], right_corner[1]) > nose[1] or np.isnan(nose[1]), "the mouth is not below the nose")


def _expect_equal(first: Detections, second: Detections, what: str) -> None:
    for name in ("boxes", "scores", "points"):
        same = np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        expect(same, f"{what} gives other {name}")
    expect(first.sources == second.sources, f"{what} gives other sources")


CHECKS: Final[tuple[FaceCheck, ...]] = (
    finds_the_face_in_pixels_of_the_frame,
    no_frame_no_face_and_hardly_a_pixel,
    equal_frames_get_equal_answers_in_any_batch,
    frames_are_not_changed_and_need_not_be_contiguous,
    a_search_around_a_known_box_finds_the_same_face,
    one_that_refines_moves_a_box_onto_the_face,
    a_copy_in_another_process_finds_the_same,
)
