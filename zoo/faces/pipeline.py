"""One video to face crops: sampled frames, faces, people, smoothed boxes, square cuts. The video is decoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import cv2
import numpy as np

from zoo.errors import ConfigError
from zoo.faces.align import align_face, aligned_points
from zoo.faces.appearance import describe_faces
from zoo.faces.crop import cut_faces, points_in_cut
from zoo.faces.detections import Detections, FaceDetector
from zoo.faces.people import check_rule, choose_people, find_people
from zoo.faces.search import FaceSearch
from zoo.faces.track import Sightings, link_detections, smooth_track
from zoo.media.choice import AllFrames, AtTimes, Evenly, EverySeconds, FrameChoice
from zoo.media.decode import iter_frames
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import Limits
from zoo.media.passes import FramePasses
from zoo.media.pictures import is_stills, iter_pictures
from zoo.structures import FaceTrack, VideoRecord

AS_IT_IS: Final = "none"
"""What stands for the detector of pictures that are face crops already."""

KNOWN: Final = "original"
"""What stands for the detector of boxes that another video's faces gave."""

LONG_VIDEOS: Final = Limits(max_duration_s=6 * 3600.0, max_frames=1_300_000)
"""What a video may be: six hours at 60 frames a second."""


_EVENLY: Final = Evenly(32)
_COLUMNS: Final = ("track", "position", "times", "boxes", "scores", "points", "detectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCrops:
    """The crops of one video, ``n`` rows sorted by track and time, and what they are based on.

    Attributes:
        status: ``ok``, or ``no_face``.
        track: int [n], which person, the most dominant first.
        position: int [n], which of the sampled frames.
        times: float64 [n], seconds.
        boxes: float32 [n, 4], pixels of the frame.
        scores: float32 [n] of the detections, in [0, 1].
        points: float32 [n, 5, 2], pixels of the frame; NaN where unknown.
        crop_points: the same in pixels of the crops.
        detectors: which one found it, [n].
        cut: starts the cutting: it yields (row, uint8 [size, size, 3] RGB) as the frames go by, one at a time.
        frame_size: width and height of the frames in pixels.
        sampled: float64, seconds of all frames that were looked at.
        ledger: what was decoded of what the file lists.
        note: what the user should know of the choice of faces; empty for nothing.
    """

    status: str
    track: np.ndarray
    position: np.ndarray
    times: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray
    crop_points: np.ndarray
    detectors: Sequence[str]
    cut: Callable[[], Iterator[tuple[int, np.ndarray]]]
    frame_size: tuple[int, int]
    sampled: np.ndarray
    ledger: DecodeLedger
    note: str = ""

    @property
    def pictures(self) -> np.ndarray:
        """All crops at once, uint8 [n, size, size, 3], RGB."""
        cuts = dict(self.cut())
        return np.stack([cuts[row] for row in range(len(self.track))]) if cuts else np.empty((0, 0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFaces:
    """Where faces are, known from another video with the same frames: one `Sightings` a person."""

    people: Sequence[Sightings] = field(default_factory=list)
    frame_size: tuple[int, int]


class FaceCropper:
    """Cuts the faces out of videos.

    Args:
        detector: finds faces; None takes every picture for a face crop already.
        choice: which frames are looked at.
        faces: whose faces are cut; one of `zoo.faces.people.RULES`.
        margin: added on every side, as a share of the box's longer side.
        image_size: side of a crop in pixels.
        align: turn and scale each face so that eyes, nose and mouth lie in the same places; needs a detector that
            gives all five points.
        smooth_s: standard deviation of the smoothing of boxes along time, in seconds; it acts where sampled frames are
            that close to each other.
        refresh: frames from one search of a whole frame to the next; see `zoo.faces.search.FaceSearch`. People who
            enter in between are noticed late, so "all" and "manipulated" always search whole frames.
        kept_bytes: a video whose sampled frames need more is decoded a second time for cutting.
        limits: caps on a file.

    Raises:
        ConfigError: an unknown rule, or sizes and margins that make no crop.
    """

    VERSION = 1

    def __init__(
        self,
        *,
        detector: FaceDetector | None,
        choice: FrameChoice = _EVENLY,
        faces: str = "largest",
        margin: float = 0.2,
        image_size: int = 224,
        align: bool = False,
        smooth_s: float = 0.08,
        refresh: int = 8,
        kept_bytes: int = 256 << 20,
        limits: Limits = LONG_VIDEOS,
    ):
        if image_size < 16 or not 0 <= margin <= 4:
            raise ConfigError(
                f"A crop of {image_size} pixels with a margin of {margin:g} makes no sense.",
                where="image_size, margin",
                next_step="Take at least 16 pixels, and a margin between 0 and 4.",
            )
        self.detector = detector
        self.choice = choice
        self.faces = check_rule(faces)
        self.margin = margin
        self.image_size = image_size
        self.align = align
        self.smooth_s = smooth_s
        self.refresh = refresh if faces == "largest" else 1
        self.kept_bytes = kept_bytes
        self.limits = limits

    def provenance(self) -> dict[str, Any]:
        """Everything that shapes the crops, as plain values. Loads the detector once."""
        name = AS_IT_IS if self.detector is None else type(self.detector).__name__
        return {
            "version": self.VERSION,
            "detector": name,
            "detector_fingerprint": None if self.detector is None else self.detector.fingerprint(),
            "choice": repr(self.choice),
            "faces": self.faces,
            "margin": self.margin,
            "image_size": self.image_size,
            "align": self.align,
            "smooth_s": self.smooth_s,
            "refresh": self.refresh,
        }

    def crop(self, record: VideoRecord, *, known: KnownFaces | None = None) -> FaceCrops:
        """The crops of the video of ``record``.

        Args:
            record: its ``path``, and ``member`` and ``mask_path`` where it has them.
            known: where its faces are; nothing is searched then.

        Raises:
            MediaError: the video cannot be decoded or breaks a limit.
            DataError: while cutting: alignment is wanted, and points of a face are unknown.
        """
        passes = FramePasses(partial(self._frames, record), kept_bytes=self.kept_bytes)
        if self.detector is None:
            return self._as_they_are(passes)
        look = _Look(FaceSearch(self.detector, refresh=self.refresh), known)
        for frames, times in passes.pieces():
            look.see(frames, times)
        people, note = self._choose(look, record) if known is None else (look.expected(), "")
        rows = _Rows.of(people, type(self.detector).__name__)
        if known is None:  # what is known was smoothed where it was found
            rows = self._smoothed(rows)
        return FaceCrops(
            status="ok" if len(rows.track) else "no_face",
            **{name: getattr(rows, name) for name in _COLUMNS},
            crop_points=self._points_in_crops(rows, margin=1 + 2 * self.margin),
            cut=partial(self._cut, passes, rows, margin=1 + 2 * self.margin),
            frame_size=look.frame_size,
            sampled=np.array(look.times),
            ledger=passes.ledger,
            note=note,
        )

    def _frames(self, record: VideoRecord, ledger: DecodeLedger) -> Iterator[tuple[float, np.ndarray]]:
        if is_stills(record.path):
            choice = AllFrames() if isinstance(self.choice, EverySeconds) else self.choice  # stills have no seconds
            return iter_pictures(record.path, member=record.member, choice=choice, limits=self.limits, ledger=ledger)
        return iter_frames(record.path, choice=self.choice, limits=self.limits, ledger=ledger)

    def _choose(self, look: _Look, record: VideoRecord) -> tuple[list[Sightings], str]:
        step = float(np.median(np.diff(look.times))) if len(look.times) > 1 else 1.0
        chains = link_detections(look.times, look.found, looks=look.looks, max_gap_s=max(1.0, 3 * step))
        people = find_people(chains, look.looks)
        masks: Iterable[tuple[int, np.ndarray]] = ()
        note = ""
        if self.faces == "manipulated" and len(people) > 1:
            if record.mask_path is None:
                note = "no mask tells which face was manipulated: the largest was taken"
            else:
                masks = _read_masks(record.mask_path, look, self.limits)
        return choose_people(people, self.faces, pictures=len(look.times), masks=masks), note

    def _smoothed(self, rows: _Rows) -> _Rows:
        boxes, points = rows.boxes.copy(), rows.points.copy()
        for number in np.unique(rows.track):
            own = np.flatnonzero(rows.track == number)
            track = FaceTrack(
                times=rows.times[own],
                boxes=rows.boxes[own],
                scores=rows.scores[own],
                points=rows.points[own],
                mask=np.ones(len(own), bool),
            )
            for close in _close_stretches(rows.times[own], 3 * self.smooth_s):
                part = smooth_track(_part(track, close), smooth_s=self.smooth_s)
                boxes[own[close]], points[own[close]] = part.boxes, part.points
        return replace(rows, boxes=boxes, points=points)

    def _cut(self, passes: FramePasses, rows: _Rows, *, margin: float) -> Iterator[tuple[int, np.ndarray]]:
        """(row, crop); ``margin`` is the side of the square as a multiple of the box's longer side."""
        first = 0
        for frames, _ in passes.pieces() if len(rows.track) else ():
            for place, frame in enumerate(frames, start=first):
                for row in np.flatnonzero(rows.position == place):
                    if self.align and self.detector is not None:
                        yield int(row), align_face(frame, rows.points[row], size=self.image_size, margin=margin)
                    else:
                        box = rows.boxes[row][None]
                        yield int(row), cut_faces(frame[None], box, size=self.image_size, margin=margin)[0]
            first += len(frames)

    def _points_in_crops(self, rows: _Rows, *, margin: float) -> np.ndarray:
        """Float32 [n, 5, 2]; ``margin`` as in `_cut`."""
        places = np.full_like(rows.points, np.nan)
        for row, points in enumerate(rows.points):
            if not self.align:
                places[row] = points_in_cut(points, rows.boxes[row], size=self.image_size, margin=margin)
            elif np.isfinite(points).all():  # otherwise cutting will say so
                places[row] = aligned_points(points, size=self.image_size, margin=margin)
        return places

    def _as_they_are(self, passes: FramePasses) -> FaceCrops:
        times: list[float] = []
        boxes: list[tuple[int, int, int, int]] = []
        for frames, moments in passes.pieces():
            height, width = frames.shape[1:3]
            times += moments.tolist()
            boxes += [(0, 0, width, height)] * len(frames)
        count = len(times)
        rows = _Rows(
            track=np.zeros(count, np.int16),
            position=np.arange(count),
            times=np.array(times),
            boxes=np.array(boxes, np.float32).reshape(-1, 4),
            scores=np.ones(count, np.float32),
            points=np.full((count, 5, 2), np.nan, np.float32),
            detectors=[AS_IT_IS] * count,
        )
        return FaceCrops(
            status="ok",
            **{name: getattr(rows, name) for name in _COLUMNS},
            crop_points=rows.points,
            cut=partial(self._cut, passes, rows, margin=1.0),
            frame_size=boxes[-1][2:],
            sampled=rows.times,
            ledger=passes.ledger,
        )


class _Look:
    """What was found in the frames seen so far, picture by picture."""

    def __init__(self, search: FaceSearch, known: KnownFaces | None):
        self.times: list[float] = []
        self.found: list[Detections] = []
        self.looks: list[np.ndarray] = []
        self.frame_size = (0, 0)
        self._search = search
        self._known = known

    def see(self, frames: np.ndarray, times: np.ndarray) -> None:
        """The next frames (uint8 [n, h, w, 3]) and their times in seconds [n]."""
        if not self.times:
            self.frame_size = (frames.shape[2], frames.shape[1])
        self.times += times.tolist()
        if self._known is None:
            found = self._search.see(frames)
            self.found += found
            self.looks += [describe_faces(frame, one.boxes) for frame, one in zip(frames, found, strict=True)]

    def expected(self) -> list[Sightings]:
        """The known people at the times that were seen, interpolated; none where they were not seen nearby in time."""
        assert self._known is not None
        times = np.array(self.times)
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        scale = np.tile(np.array(self.frame_size) / np.array(self._known.frame_size), 7)
        people = []
        for person in self._known.people:
            seen = np.array(person.times)
            near = np.abs(times[:, None] - seen[None]).min(axis=1) <= 0.6 * step
            marks = np.concatenate([np.stack(person.boxes), np.stack(person.points).reshape(-1, 10)], axis=1)
            marks = np.stack([np.interp(times, seen, column) for column in marks.T], axis=1) * scale
            scores = np.interp(times, seen, person.scores)
            rows = np.flatnonzero(near)
            people.append(
                Sightings(
                    times=times[rows].tolist(),
                    boxes=list(marks[rows, :4].astype(np.float32)),
                    scores=scores[rows].tolist(),
                    points=list(marks[rows, 4:].reshape(-1, 5, 2).astype(np.float32)),
                    sources=[KNOWN] * len(rows),
                    places=[(int(row), 0) for row in rows],
                )
            )
        return [person for person in people if person.times]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    track: np.ndarray
    position: np.ndarray
    times: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray
    detectors: Sequence[str]

    @classmethod
    def of(cls, people: Sequence[Sightings], name: str) -> _Rows:
        """One row a sighting, sorted by person and time; ``name`` is the detector where only one was asked."""
        return cls(
            track=np.repeat(np.arange(len(people), dtype=np.int16), [len(person.times) for person in people]),
            position=np.array([picture for person in people for picture, _ in person.places], np.int32),
            times=np.array([time for person in people for time in person.times], np.float64),
            boxes=np.array([box for person in people for box in person.boxes], np.float32).reshape(-1, 4),
            scores=np.array([score for person in people for score in person.scores], np.float32),
            points=np.array([mark for person in people for mark in person.points], np.float32).reshape(-1, 5, 2),
            detectors=[source or name for person in people for source in person.sources],
        )


def _close_stretches(times: np.ndarray, most_s: float) -> list[np.ndarray]:
    """Runs of at least two rows that follow each other within ``most_s`` seconds."""
    runs = np.split(np.arange(len(times)), 1 + np.flatnonzero(np.diff(times) > most_s))
    return [run for run in runs if len(run) > 1]


def _part(track: FaceTrack, rows: np.ndarray) -> FaceTrack:
    names = ("times", "boxes", "scores", "points", "mask")
    return FaceTrack(**{name: getattr(track, name)[rows] for name in names})


def _read_masks(path: str, look: _Look, limits: Limits) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the picture, its mask at the size of the frames), one at a time."""
    times = np.array(look.times)
    for time, frame in iter_frames(path, choice=AtTimes(look.times), limits=limits):
        mask = cv2.resize(frame.max(axis=2), look.frame_size, interpolation=cv2.INTER_AREA)
        yield int(np.abs(times - time).argmin()), mask
