"""One face followed through a video: detections on sampled frames, linked, filled in between and smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d

from zoo.faces.detections import Detections, FaceDetector, box_areas, box_overlaps
from zoo.structures import FaceTrack


@dataclass(slots=True)
class Sightings:
    """Detections of one face in time order, as linked by `link_detections`."""

    times: list[float] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)

    @property
    def dominance(self) -> float:
        """Box area summed over the sightings: what is seen large and for long is dominant."""
        return float(box_areas(np.stack(self.boxes)).sum())


def link_detections(
    times: Sequence[float], detections: Sequence[Detections], *, min_overlap: float = 0.2, max_gap_s: float = 1.0
) -> list[Sightings]:
    """Chains of detections that are one face each.

    Args:
        times: seconds of the pictures, ascending.
        detections: the faces found in each.
        min_overlap: least intersection over union with the last box of a chain, in [0, 1].
        max_gap_s: a face unseen for longer begins a new chain.
    """
    chains: list[Sightings] = []
    for time, found in zip(times, detections, strict=True):
        live = [chain for chain in chains if time - chain.times[-1] <= max_gap_s]
        owner: list[Sightings | None] = [None] * len(found)
        if live and len(found):
            overlaps = box_overlaps(np.stack([chain.boxes[-1] for chain in live]), found.boxes)
            while overlaps.max() >= min_overlap:  # the best pair first; each chain and each face once
                row, column = np.unravel_index(overlaps.argmax(), overlaps.shape)
                owner[column] = live[row]
                overlaps[row], overlaps[:, column] = -1, -1
        for index in range(len(found)):
            chain = owner[index]
            if chain is None:
                chains.append(chain := Sightings())
            chain.times.append(float(time))
            chain.boxes.append(found.boxes[index])
            chain.scores.append(float(found.scores[index]))
            chain.points.append(found.points[index])
    return chains


def fill_track(
    times: np.ndarray, chains: Sequence[Sightings], *, hold_s: float = 0.4, smooth_s: float = 0.12
) -> FaceTrack:
    """A track with one row for each of ``times``, out of sightings at some of them.

    Rule: the dominant chain (`Sightings.dominance`) is the face; at times that it does not cover, the next dominant
    one that never overlaps it in time is, so that a cut does not end the track. Between sightings boxes and points
    are interpolated linearly in time and smoothed with a Gaussian; before the first and after the last sighting of a
    chain they are held for ``hold_s``. All other rows are masked.

    Args:
        times: seconds [t], ascending.
        chains: what `link_detections` returns.
        hold_s: seconds.
        smooth_s: standard deviation of the Gaussian, in seconds.
    """
    count = len(times)
    boxes = np.zeros((count, 4), np.float32)
    points = np.zeros((count, 5, 2), np.float32)
    scores = np.zeros(count, np.float32)
    mask = np.zeros(count, bool)
    period = float(np.median(np.diff(times))) if count > 1 else 1.0
    for chain in _dominant_without_overlap(chains):
        rows = (times >= chain.times[0] - hold_s) & (times <= chain.times[-1] + hold_s) & ~mask
        if not rows.any():
            continue
        values = np.concatenate([np.stack(chain.boxes), np.stack(chain.points).reshape(-1, 10)], axis=1)
        filled = np.stack([np.interp(times[rows], chain.times, column) for column in values.T], axis=1)
        filled = gaussian_filter1d(filled, smooth_s / max(period, 1e-6), axis=0, mode="nearest")
        boxes[rows], points[rows] = filled[:, :4], filled[:, 4:].reshape(-1, 5, 2)
        scores[rows] = np.interp(times[rows], chain.times, chain.scores)
        mask |= rows
    return FaceTrack(times=times, boxes=boxes, scores=scores, points=points, mask=mask)


class FaceFollower:
    """Follows the dominant face of a video that is seen a piece at a time; see `fill_track` for the rule.

    Args:
        detector: finds the faces of sampled frames.
        every_s: seconds between sampled frames.
        max_gap_s: a face unseen for longer is masked meanwhile.
        smooth_s: standard deviation of the smoothing in time, in seconds.
    """

    def __init__(self, detector: FaceDetector, *, every_s: float = 0.4, max_gap_s: float = 1.0, smooth_s: float = 0.12):
        self.detector = detector
        self.every_s = every_s
        self.max_gap_s = max_gap_s
        self.smooth_s = smooth_s
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
        """The face, one row a frame seen."""
        if self._last is not None and self._times[-1] - self._sampled[-1] > self.every_s / 2:
            self._sampled.append(self._times[-1])
            self._found += self.detector.detect(self._last)
        chains = link_detections(self._sampled, self._found, max_gap_s=self.max_gap_s)
        return fill_track(np.array(self._times), chains, hold_s=self.every_s, smooth_s=self.smooth_s)


def follow_face(frames: np.ndarray, times: np.ndarray, detector: FaceDetector, **options: float) -> FaceTrack:
    """The dominant face of a clip in one call.

    Args:
        frames: uint8 [t, h, w, 3], RGB.
        times: seconds [t], ascending.
        detector: finds the faces of sampled frames.
        **options: of `FaceFollower`.
    """
    follower = FaceFollower(detector, **options)
    follower.see(frames, times)
    return follower.track()


def _dominant_without_overlap(chains: Sequence[Sightings]) -> list[Sightings]:
    chosen: list[Sightings] = []
    for chain in sorted(chains, key=lambda item: -item.dominance):
        if all(chain.times[-1] < other.times[0] or chain.times[0] > other.times[-1] for other in chosen):
            chosen.append(chain)
    return chosen
