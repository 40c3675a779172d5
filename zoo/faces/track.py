"""One face followed through a video: detections on sampled frames, linked, filled in between and smoothed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from zoo.faces.appearance import likeness
from zoo.faces.detections import Detections, FaceDetector, FaceRefiner, box_areas, box_overlaps, paired_overlaps
from zoo.structures import FaceTrack

_FIELDS: Final = ("times", "boxes", "scores", "points", "mask")
_JUMP: Final = 0.2  # boxes of neighbouring frames that overlap less belong to two shots


@dataclass(slots=True)
class Sightings:
    """Detections of one face in time order, as linked by `link_detections`."""

    times: list[float] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    """Where each sighting stands in the detections: number of the picture, number of the face in it."""

    @property
    def dominance(self) -> float:
        """Box area summed over the sightings: what is seen large and for long is dominant."""
        return float(box_areas(np.stack(self.boxes)).sum())


def link_detections(
    times: Sequence[float],
    detections: Sequence[Detections],
    *,
    looks: Sequence[np.ndarray] | None = None,
    min_overlap: float = 0.2,
    max_gap_s: float = 1.0,
) -> list[Sightings]:
    """Chains of detections that are one face each: the boxes that overlap most go together.

    Args:
        times: seconds of the pictures, ascending.
        detections: the faces found in each.
        looks: what they look like (`zoo.faces.appearance.describe_faces`, [k, d] a picture); where people are close
            to each other, likeness then decides between overlaps.
        min_overlap: least intersection over union with the last box of a chain, in [0, 1].
        max_gap_s: a face unseen for longer begins a new chain.
    """
    chains: list[Sightings] = []
    live: list[Sightings] = []
    for picture, (time, found) in enumerate(zip(times, detections, strict=True)):
        live = [chain for chain in live if time - chain.times[-1] <= max_gap_s]
        owner: list[Sightings | None] = [None] * len(found)
        if live and len(found):
            overlaps = box_overlaps(np.stack([chain.boxes[-1] for chain in live]), found.boxes)
            affinity = np.where(overlaps >= min_overlap, overlaps, 0)
            if looks is not None:
                last = np.stack([looks[where][face] for where, face in (chain.places[-1] for chain in live)])
                affinity = affinity * (1 + likeness(last, looks[picture]))
            while affinity.max() > 0:  # the best pair first; each chain and each face once
                row, column = np.unravel_index(affinity.argmax(), affinity.shape)
                owner[column] = live[row]
                affinity[row], affinity[:, column] = 0, 0
        for index in range(len(found)):
            chain = owner[index]
            if chain is None:
                chain = Sightings()
                chains.append(chain)
                live.append(chain)
            chain.times.append(float(time))
            chain.boxes.append(found.boxes[index])
            chain.scores.append(float(found.scores[index]))
            chain.points.append(found.points[index])
            chain.sources.append(found.sources[index] if found.sources else "")
            chain.places.append((picture, index))
    return chains


def fill_track(times: np.ndarray, chains: Sequence[Sightings], *, hold_s: float = 0.4) -> FaceTrack:
    """A track with one row for each of ``times``, out of sightings at some of them.

    Rule: the dominant chain (`Sightings.dominance`) is the face; at times that it does not cover, the next dominant
    one that never overlaps it in time is, so that a cut does not end the track. Between sightings boxes and points
    are interpolated linearly in time; before the first and after the last sighting of a chain they are held for
    ``hold_s`` seconds. All other rows are masked. A point that one of the two sightings around a row lacks is NaN
    there; a row's source is that of the nearest sighting.

    Args:
        times: seconds [t], ascending.
        chains: what `link_detections` returns.
        hold_s: seconds.
    """
    track = _blank(times)
    sources = np.full(len(times), "", dtype=object)
    for chain in _dominant_without_overlap(chains):
        rows = (times >= chain.times[0] - hold_s) & (times <= chain.times[-1] + hold_s) & ~track.mask
        values = _stack(np.stack(chain.boxes), np.array(chain.scores), np.stack(chain.points))
        _put(track, rows, _interpolate(times[rows], np.array(chain.times), values))
        track.mask[rows] = True
        sources[rows] = np.array(chain.sources, object)[_nearest(times[rows], np.array(chain.times))]
    return replace(track, sources=sources.astype(str)) if any(sources) else track


def refine_track(
    track: FaceTrack,
    pieces: Iterable[tuple[np.ndarray, np.ndarray]],
    refiner: FaceRefiner,
    *,
    min_score: float = 0.7,
    min_overlap: float = 0.3,
) -> FaceTrack:
    """``track`` with every row corrected on its own frame; rows that cannot be are interpolated between their like.

    Args:
        track: a face, one row a frame.
        pieces: (frames uint8 [n, h, w, 3], times [n]), together all frames of the track.
        refiner: corrects boxes.
        min_score: below, the rough row is not replaced by what was found.
        min_overlap: of what is found with the rough box, in [0, 1]; below, it is taken for something else.
    """
    found = _blank(track.times)
    start = 0
    for frames, _ in pieces:
        rows = start + np.flatnonzero(track.mask[start : start + len(frames)])
        if len(rows):
            seen = refiner.refine(frames[rows - start], track.boxes[rows])
            close = paired_overlaps(seen.boxes, track.boxes[rows]) >= min_overlap
            good = close & (seen.scores >= min_score)
            _put(found, rows[good], _stack(seen.boxes, seen.scores, seen.points)[good])
            found.mask[rows[good]] = True
        start += len(frames)
    refined = _copy(track)
    for rows in _stretches(track):
        good = rows[found.mask[rows]]
        if len(good):
            values = _stack(found.boxes[good], found.scores[good], found.points[good])
            _put(refined, rows, _interpolate(track.times[rows], track.times[good], values))
    return refined


def smooth_track(track: FaceTrack, *, smooth_s: float) -> FaceTrack:
    """``track`` with boxes and points smoothed along time, never across a cut or a gap.

    Args:
        track: a face, one row a frame.
        smooth_s: standard deviation of the Gaussian, in seconds.
    """
    period = float(np.median(np.diff(track.times))) if len(track.times) > 1 else 1.0
    smoothed = _copy(track)
    for rows in _stretches(track):
        values = _stack(track.boxes[rows], track.scores[rows], track.points[rows])
        _put(smoothed, rows, _smooth(values, smooth_s / max(period, 1e-6)))
    return smoothed


class FaceFollower:
    """Follows the dominant face of a video that is seen a piece at a time; see `fill_track` for the rule.

    Args:
        detector: finds the faces of sampled frames.
        every_s: seconds between sampled frames.
        max_gap_s: a face unseen for longer is masked meanwhile.
    """

    def __init__(self, detector: FaceDetector, *, every_s: float = 0.4, max_gap_s: float = 1.0):
        self.detector = detector
        self.every_s = every_s
        self.max_gap_s = max_gap_s
        self._times: list[float] = []
        self._sampled: list[float] = []
        self._found: list[Detections] = []
        self._last: np.ndarray | None = None

    def see(self, frames: np.ndarray, times: np.ndarray) -> None:
        """The next frames (uint8 [n, h, w, 3], RGB) and their times in seconds [n], ascending over all calls."""
        due = []
        for index, time in enumerate(times):
            if not self._sampled or time - self._sampled[-1] >= self.every_s - 1e-3:
                due.append(index)
                self._sampled.append(float(time))
        if due:
            self._found += self.detector.detect(frames[due])
        if len(times):
            self._times += times.tolist()
            self._last = frames[-1:].copy()

    def track(self) -> FaceTrack:
        """The face, one row a frame seen, interpolated between the sampled frames."""
        if self._last is not None and self._times[-1] - self._sampled[-1] > self.every_s / 2:
            self._sampled.append(self._times[-1])
            self._found += self.detector.detect(self._last)
        chains = link_detections(self._sampled, self._found, max_gap_s=self.max_gap_s)
        return fill_track(np.array(self._times), chains, hold_s=self.every_s)


def follow_face(
    frames: np.ndarray, times: np.ndarray, detector: FaceDetector, *, smooth_s: float = 0.06, **options: float
) -> FaceTrack:
    """The dominant face of a clip: searched on sampled frames, corrected on all (by a `FaceRefiner`), smoothed.

    Args:
        frames: uint8 [t, h, w, 3], RGB.
        times: seconds [t], ascending.
        detector: finds faces.
        smooth_s: see `smooth_track`.
        **options: of `FaceFollower`.
    """
    follower = FaceFollower(detector, **options)
    follower.see(frames, times)
    track = follower.track()
    if isinstance(detector, FaceRefiner):
        track = refine_track(track, [(frames, times)], detector)
    return smooth_track(track, smooth_s=smooth_s)


def _blank(times: np.ndarray) -> FaceTrack:
    count = len(times)
    return FaceTrack(
        times=times,
        boxes=np.zeros((count, 4), np.float32),
        scores=np.zeros(count, np.float32),
        points=np.zeros((count, 5, 2), np.float32),
        mask=np.zeros(count, bool),
    )


def _stack(boxes: np.ndarray, scores: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Boxes, score and points of ``n`` rows side by side: [n, 15]."""
    return np.concatenate([boxes, scores[:, None], points.reshape(-1, 10)], axis=1)


def _put(track: FaceTrack, rows: np.ndarray, values: np.ndarray) -> None:
    track.boxes[rows], track.scores[rows] = values[:, :4], values[:, 4]
    track.points[rows] = values[:, 5:].reshape(-1, 5, 2)


def _copy(track: FaceTrack) -> FaceTrack:
    """``track`` with arrays of its own, but for the sources, which nothing changes."""
    return replace(track, **{name: np.array(getattr(track, name)) for name in _FIELDS})


def _interpolate(times: np.ndarray, known_times: np.ndarray, values: np.ndarray) -> np.ndarray:
    out = np.stack([np.interp(times, known_times, column) for column in values.T], axis=1)
    if np.isnan(values).any():  # next to an unknown value interp loses the known one as well
        nearest = _nearest(times, known_times)
        exact = known_times[nearest] == times
        out[exact] = values[nearest[exact]]
    return out


def _nearest(times: np.ndarray, known_times: np.ndarray) -> np.ndarray:
    """For each of ``times`` the index of the nearest of ``known_times`` (ascending), the later one of two."""
    return np.searchsorted((known_times[:-1] + known_times[1:]) / 2, times, side="right")


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """``values`` [n, c] smoothed along n with a Gaussian of ``sigma`` rows; NaN stays NaN and does not spread."""
    known = ~np.isnan(values)
    if known.all():
        return gaussian_filter1d(values, sigma, axis=0, mode="nearest")
    total = gaussian_filter1d(np.where(known, values, 0.0), sigma, axis=0, mode="nearest")
    weight = gaussian_filter1d(known.astype(float), sigma, axis=0, mode="nearest")
    return np.where(known, total / np.maximum(weight, 1e-9), np.nan)


def _stretches(track: FaceTrack) -> list[np.ndarray]:
    """Row numbers of the stretches in which one face is seen without a gap or a jump."""
    rows = np.flatnonzero(track.mask)
    if not len(rows):
        return []
    boxes = track.boxes[rows]
    jumps = paired_overlaps(boxes[:-1], boxes[1:]) < _JUMP
    return np.split(rows, 1 + np.flatnonzero((np.diff(rows) > 1) | jumps))


def _dominant_without_overlap(chains: Sequence[Sightings]) -> list[Sightings]:
    chosen: list[Sightings] = []
    for chain in sorted(chains, key=lambda item: -item.dominance):
        if all(chain.times[-1] < other.times[0] or chain.times[0] > other.times[-1] for other in chosen):
            chosen.append(chain)
    return chosen
