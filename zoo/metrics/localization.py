"""Figures of temporal localization: average precision and recall of proposed segments, and figures of frames.

A proposal and a truth belong together by their temporal intersection over union, tIoU. Two modes reckon:

- ``corrected``: proposals take turns, best score first; each takes that truth of its video, not yet taken, which it
  overlaps most, if their tIoU is at least the threshold. Average precision is the sum of precision x gain in recall
  over all distinct scores, without interpolation, as that of ``zoo.metrics.ranking``; equal scores count as one step,
  so that no order of videos or rows matters.
- ``reference``: what the published evaluators of LAV-DF and AV-Deepfake1M give, for comparison with papers. Truths
  take turns in their order, each takes the best-scored proposal whose tIoU is greater than the threshold, in single
  precision; precision is interpolated; the step of recall up to the first proposal is left out, so that one perfect
  segment gives 0 and fifty give 0.98; a video without proposals does not enter the recall; of equal scores the row
  that comes first goes first. LAV-DF's script stops with an error where a video has fewer proposals than the recall
  asks for; here, as with AV-Deepfake1M, all that there are count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import ConfigError
from zoo.metrics.overlaps import Pairs, Spans, best_of_pairs, first_come, overlapping, places_in_video
from zoo.metrics.ranking import checked_pair, rank
from zoo.metrics.thresholded import DEFAULT_THRESHOLD

Mode = Literal["corrected", "reference"]
MODES: Final[tuple[Mode, ...]] = ("corrected", "reference")
GRID: Final = tuple(hundredths / 100 for hundredths in range(50, 100, 5))
"""tIoU thresholds 0.5, 0.55, ..., 0.95, over which figures are averaged."""
AP_AT: Final = (0.5, 0.75, 0.9, 0.95)
AR_AT: Final = (5, 10, 20, 30, 50, 100)

_BLOCK: Final = 1 << 16
_ROUNDING: Final = 1e-9  # a tIoU this close below a threshold reaches it: seconds are rounded


@dataclass(frozen=True, slots=True)
class Localization:
    """How well proposals meet the truth. A figure is NaN where there is no truth at all.

    Attributes:
        ap: tIoU threshold of `GRID` to average precision in [0, 1].
        ar: number of proposals a video to average recall in [0, 1]: the mean over `GRID` of the share of truths that
            one of a video's best proposals overlaps enough.
        proposals, truths: how many there are.
    """

    ap: Mapping[float, float]
    ar: Mapping[int, float]
    proposals: int
    truths: int

    @property
    def mean_ap(self) -> float:
        """The mean of ``ap`` over the thresholds."""
        return float(np.mean(list(self.ap.values())))


def localization(
    proposals: Spans, truths: Spans, *, mode: Mode = "corrected", recall_at: Sequence[int] = AR_AT
) -> Localization:
    """Average precision and recall of ``proposals``; a proposal in a video without truths is a false one.

    Args:
        proposals: of all videos, in any order (``reference``: of equal scores the earlier row goes first).
        truths: likewise; overlapping ones count each by itself (see ``Spans.joined``).
        mode: see above.
        recall_at: numbers of proposals a video, each at least 1.

    Raises:
        ConfigError: an unknown mode, or ``recall_at`` below 1.
    """
    if mode not in MODES:
        raise ConfigError(f"Unknown mode {mode!r} of localization.", next_step=f"Choose one of {', '.join(MODES)}.")
    if any(n < 1 for n in recall_at):
        raise ConfigError(f"Recall is asked of {min(recall_at)} proposals a video; ask of 1 or more.")
    exact = mode == "corrected"
    proposals, truths = _best_first(proposals, exact), truths.take(_in_time(truths, exact))
    pairs = overlapping(proposals, truths, least=GRID[0] - _ROUNDING if exact else GRID[0], single=not exact)
    if not len(truths):
        return Localization(dict.fromkeys(GRID, math.nan), dict.fromkeys(recall_at, math.nan), len(proposals), 0)
    precision = _precision if exact else _reference_precision
    ranked = np.sort(proposals.score) if exact else np.argsort(-proposals.score, kind="stable")
    by_choice = _by_choice(pairs, exact)
    ap = {}
    for threshold in GRID:
        close = by_choice.take(np.flatnonzero(_reaches(by_choice.iou, threshold, exact)))
        chooser, option = (close.proposal, close.truth) if exact else (close.truth, close.proposal)
        hits = close.proposal[first_come(chooser, option)]
        ap[threshold] = precision(hits, proposals.score, ranked, len(truths))
    ar = _recalls(pairs, proposals, truths, recall_at, exact)
    return Localization(MappingProxyType(ap), MappingProxyType(ar), len(proposals), len(truths))


def best_overlaps(proposals: Spans, truths: Spans, *, best_of: int) -> NDArray[np.float64]:
    """For each truth, in its order, its largest tIoU with one of its video's ``best_of`` best proposals.

    Args:
        proposals: in any order.
        truths: in order of video.
        best_of: how many, at least 1.

    Returns:
        float64 [truths] in [0, 1].
    """
    ordered = _best_first(proposals, exact=True)
    near = ordered.take(np.flatnonzero(places_in_video(ordered.video) < best_of))
    return best_of_pairs(overlapping(near, truths, least=np.finfo(np.float64).tiny), len(truths))


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """Figures of single frames; NaN where undefined. ``n`` frames, of which ``n_fake`` are fake."""

    auc: float
    f1: float
    precision: float
    recall: float
    n: int
    n_fake: int


def frame_figures(scores: ArrayLike, labels: ArrayLike, *, threshold: float = DEFAULT_THRESHOLD) -> FrameFigures:
    """How well frames are told apart: AUC, and F1, precision and recall of the fake ones at ``threshold``.

    Args:
        scores: [n] in [0, 1].
        labels: [n], 0 = real, 1 = fake.
        threshold: score from which a frame is called fake.

    Raises:
        DataError: as ``zoo.metrics.ranking.rank``.
    """
    values, truth = checked_pair(scores, labels)
    called, fakes = values >= threshold, int(truth.sum())
    found, calls = int(truth[called].sum()), int(called.sum())
    return FrameFigures(
        auc=rank(values, truth).auc(),
        f1=2 * found / (calls + fakes) if fakes else math.nan,
        precision=found / calls if calls else math.nan,
        recall=found / fakes if fakes else math.nan,
        n=len(values),
        n_fake=fakes,
    )


def _best_first(spans: Spans, exact: bool) -> Spans:
    """In order of video and falling score; in blocks of whole videos, since large sorts wait for memory."""
    if (np.diff(spans.video) < 0).any():
        spans = spans.take(np.argsort(spans.video, kind="stable"))
    order = np.empty(len(spans), np.int64)
    start = 0
    while start < len(spans):
        last = spans.video[min(start + _BLOCK, len(spans)) - 1]
        stop = int(np.searchsorted(spans.video, last, side="right"))
        keys = (-spans.score[start:stop], spans.video[start:stop])
        ties = (spans.end_s[start:stop], spans.start_s[start:stop]) if exact else ()
        order[start:stop] = start + np.lexsort((*ties, *keys))
        start = stop
    return spans.take(order)


def _in_time(spans: Spans, exact: bool) -> NDArray[np.int64]:
    return np.lexsort((spans.end_s, spans.start_s, spans.video) if exact else (spans.video,))


def _reaches(iou: NDArray, threshold: float, exact: bool) -> NDArray[np.bool_]:
    return iou >= threshold - _ROUNDING if exact else iou > np.float32(threshold)


def _by_choice(pairs: Pairs, exact: bool) -> Pairs:
    """Those who choose in their order, what each likes best first."""
    if not exact:
        return pairs.take(np.argsort(pairs.truth, kind="stable"))  # of one truth the best proposals come first already
    again = np.diff(pairs.proposal, prepend=-1) == 0
    several = np.flatnonzero(again | np.append(again[1:], False))  # only who has a choice needs an order
    order = np.arange(len(pairs.proposal))
    order[several] = several[
        np.lexsort((pairs.truth[several], -np.round(pairs.iou[several], 9), pairs.proposal[several])),
    ]
    return pairs.take(order)


def _precision(hits: NDArray, scores: NDArray, ranked: NDArray, truths: int) -> float:
    """Average precision; only steps of recall add to it. ``ranked`` are all ``scores``, rising."""
    levels, of_hits = np.unique(scores[hits], return_counts=True)
    rows = len(ranked) - np.searchsorted(ranked, levels, side="left")  # with at least that score
    found = np.cumsum(of_hits[::-1])[::-1]
    return float(np.sum(found / rows * of_hits) / truths)


def _reference_precision(hits: NDArray, scores: NDArray, ranked: NDArray, truths: int) -> float:
    """Likewise with interpolation, equal scores in their order, and nothing for a hit in the first place.

    ``ranked`` are the rows of ``scores``, best first.
    """
    hit = np.zeros(len(scores), bool)
    hit[hits] = True
    places = np.flatnonzero(hit[ranked])
    precision = np.arange(1, len(places) + 1) / (places + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # between two hits precision only falls
    return float(np.sum(best[places > 0]) / truths)


def _recalls(pairs: Pairs, proposals: Spans, truths: Spans, recall_at: Sequence[int], exact: bool) -> dict[int, float]:
    place = places_in_video(proposals.video)
    counted = len(truths) if exact else int(np.isin(truths.video, proposals.video).sum())
    recalls = {}
    for n in recall_at:
        best = best_of_pairs(pairs.take(np.flatnonzero(place[pairs.proposal] < n)), len(truths))
        found = [int(_reaches(best, threshold, exact).sum()) for threshold in GRID]
        recalls[n] = sum(found) / (len(GRID) * counted) if counted else 0.0
    return recalls
