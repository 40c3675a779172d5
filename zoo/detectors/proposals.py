"""From what a localizing head says of every frame to segments, best first.

Places along a clip are frame numbers with fractions: 2.5 lies halfway between the instants of frames 2 and 3. What
turns them into seconds is in `zoo.detectors.segment_times`.

Notation: t frames, n proposals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from zoo.errors import ConfigError

_EDGE: Final = 1.5  # frames from the clip's first or behind its last one within which a place is on the edge


def soft_nms(
    segments: np.ndarray,
    scores: np.ndarray,
    *,
    sigma: float = 0.5,
    min_score: float = 0.0,
    most: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian soft non-maximum suppression (Bodla et al. 2017, equation 4) along one axis.

    The best segment is taken, the scores of all others are multiplied by ``exp(-iou^2 / sigma)``, and so on.

    Args:
        segments: [n, 2], start and end in any unit.
        scores: [n], at least 0.
        sigma: above 0; the smaller, the harder near duplicates are suppressed.
        min_score: what falls below it is dropped.
        most: keep at most so many; None keeps all.

    Returns:
        Indices int64 [k] of the segments in the order in which they were taken, and their scores float64 [k], which
        do not rise. Equal scores are taken in the order in which they come.
    """
    starts, ends = np.asarray(segments, np.float64).reshape(-1, 2).T
    left = np.array(scores, np.float64)
    lengths = ends - starts
    order: list[int] = []
    kept: list[float] = []
    alive = np.flatnonzero(left >= min_score)
    while len(alive) and (most is None or len(order) < most):
        place = int(np.argmax(left[alive]))
        best = int(alive[place])
        order.append(best)
        kept.append(left[best])
        alive = np.delete(alive, place)
        overlap = np.minimum(ends[alive], ends[best]) - np.maximum(starts[alive], starts[best])
        overlap = np.maximum(overlap, 0.0)
        union = np.maximum(lengths[alive] + lengths[best] - overlap, 1e-12)
        left[alive] *= np.exp(-np.square(overlap / union) / sigma)
        alive = alive[left[alive] >= min_score]
    return np.array(order, np.int64), np.array(kept, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDecoder:
    """How the outputs of `zoo.heads.localization.LocalizationHead` become segments.

    Each frame proposes one segment, by its distances to start and end. Its ends are then drawn to the boundaries that
    the start and end probabilities show nearby: the mean place of those probabilities around their local peak, which
    is finer than a frame. A proposal is scored by its confidence and by how surely it begins and ends there, and
    soft-NMS removes repetitions.

    Args:
        max_proposals: kept after soft-NMS.
        candidates: best frames that go into soft-NMS.
        min_score: proposals below it are dropped, in [0, 1).
        nms_sigma: of `soft_nms`.
        reach: frames around a proposal's end in which a boundary is looked for; 0 leaves the ends where they are.
        min_boundary: least probability of a boundary that draws an end, in [0, 1].
        boundary_power: exponent, at least 0, of the boundary probabilities in the score; 0 leaves them out.
        undrawn: a proposal enters soft-NMS a second time with its ends where the frame puts them, its score multiplied
            by this, in [0, 1]; 0 leaves that out.

    Raises:
        ConfigError: a value outside its range.
    """

    max_proposals: int = 100
    candidates: int = 400
    min_score: float = 1e-5
    nms_sigma: float = 0.5
    reach: float = 3.0
    min_boundary: float = 0.3
    boundary_power: float = 0.25
    undrawn: float = 0.3

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} must be {wanted}, not {value}"
            for name, value, holds, wanted in (
                ("max_proposals", self.max_proposals, self.max_proposals >= 1, "at least 1"),
                ("candidates", self.candidates, self.candidates >= 1, "at least 1"),
                ("min_score", self.min_score, 0 <= self.min_score < 1, "in [0, 1)"),
                ("nms_sigma", self.nms_sigma, self.nms_sigma > 0, "positive"),
                ("reach", self.reach, self.reach >= 0, "at least 0"),
                ("min_boundary", self.min_boundary, 0 <= self.min_boundary <= 1, "in [0, 1]"),
                ("undrawn", self.undrawn, 0 <= self.undrawn <= 1, "in [0, 1]"),
                ("boundary_power", self.boundary_power, self.boundary_power >= 0, "at least 0"),
            )
            if not holds
        ]
        if mistakes:
            raise ConfigError.from_mistakes(mistakes, where="ProposalDecoder")

    def __call__(self, frames: Mapping[str, np.ndarray], mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The proposals of one clip.

        Args:
            frames: ``confidence`` [t], ``start`` and ``end`` [t], all in [0, 1], and ``distances`` [t, 2], frames from
                each frame to the start and to the end of its segment.
            mask: bool [t], False at frames that propose nothing.
        Returns:
            Segments float64 [n, 2] in frames, within [0, t], and scores float64 [n] in [0, 1], best first.
        """
        confidence = np.where(mask, np.asarray(frames["confidence"], np.float64), -1.0)
        chosen = np.argsort(-confidence, kind="stable")[: self.candidates]
        chosen = chosen[confidence[chosen] >= max(self.min_score, 0.0)]
        distances = np.asarray(frames["distances"], np.float64)[chosen]
        segments = np.stack((chosen - distances[:, 0], chosen + distances[:, 1]), axis=1)
        scores = confidence[chosen]
        rough = segments.copy()
        for column, name in enumerate(("start", "end")):
            boundary = np.where(mask, np.asarray(frames[name], np.float64), 0.0)
            segments[:, column], surety = draw_to_boundaries(
                segments[:, column], boundary, reach=self.reach, least=self.min_boundary
            )
            scores = scores * surety**self.boundary_power
        if self.undrawn:
            segments, scores = np.concatenate((segments, rough)), np.concatenate((scores, self.undrawn * scores))
        segments = segments.clip(0, len(mask))
        long_enough = segments[:, 1] - segments[:, 0] > 1e-6
        segments, scores = segments[long_enough], scores[long_enough]
        order, scores = soft_nms(
            segments, scores, sigma=self.nms_sigma, min_score=self.min_score, most=self.max_proposals
        )
        return segments[order], scores


def draw_to_boundaries(
    places: np.ndarray, boundary: np.ndarray, *, reach: float, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Move each of ``places`` [n] to the boundary that ``boundary`` [t], probabilities in [0, 1], shows near it.

    Near is up to ``reach`` frames; of the frames there the likeliest, less what it is too far away, gives the peak,
    and the mean place of the peak and its two neighbours, weighted by their probabilities, is the boundary. A place
    without a probability of at least ``least`` nearby stays where it is.

    Returns:
        The places [n], and how sure each is: the probability, in [0, 1], of the three frames together. Nothing shows
        where a segment begins or ends that is cut off by the clip: a place on the clip's edge is sure by itself.
    """
    frames = len(boundary)
    padded = np.pad(boundary, 1)
    sums = padded[:-2] + padded[1:-1] + padded[2:]  # a boundary between two frames is shared out to both
    steps = np.arange(-int(reach), int(reach) + 1)
    near = np.rint(places).astype(np.int64)[:, None] + steps
    inside = (near >= 0) & (near < frames)
    near = near.clip(0, max(frames - 1, 0))
    distance = np.abs(near - places[:, None])
    value = np.where(inside, boundary[near] * np.exp(-0.5 * np.square(distance / max(reach, 1e-6))), -1.0)
    best = np.take_along_axis(near, value.argmax(axis=1)[:, None], axis=1)[:, 0]
    offset = (padded[2:] - padded[:-2])[best] / np.maximum(sums[best], 1e-12)
    found = (value.max(axis=1) > 0) & (sums[best] >= least) & (reach > 0)
    on_edge = ~found & ((places < _EDGE) | (places > frames - _EDGE))
    return np.where(found, best + offset, places), np.where(on_edge, 1.0, np.clip(sums[best], 0.0, 1.0))
