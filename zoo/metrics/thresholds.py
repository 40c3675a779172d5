"""Thresholds and where they come from: chosen on validation data, kept in a file, never unknowingly on test data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from zoo.errors import ConfigError, DataError
from zoo.files import write_json
from zoo.metrics.aggregation import MEAN
from zoo.metrics.ranking import LOW_FPRS, rank
from zoo.metrics.table import VIDEO, in_order
from zoo.metrics.thresholded import DEFAULT_THRESHOLD

CRITERIA: Final[Mapping[str, str]] = {
    "eer": "both error rates are nearest to each other",
    "balanced_accuracy": "the mean recall of both classes is highest",
    "macro_f1": "the mean F1 of both classes is highest",
    "fpr_1pct": "most fakes are found with at most 1% of the reals called fake",
}
"""How a threshold may be chosen: where ..."""
FLATTERING: Final = "threshold chosen on the evaluated data: flattering"
_FORMAT: Final = "zoo-threshold"
_VERSION: Final = 1
_SKETCH: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A score from which on something is called fake, and where it comes from.

    Attributes:
        value: it.
        origin: ``default``, ``given``, ``validation`` or ``evaluated``.
        criterion: of `CRITERIA`, where it was chosen.
        level, aggregate: of what it was chosen.
        content: `content_hash` of the predictions it was chosen on.
        videos: number of videos it was chosen on.
        sketch: digests of (at most 4,096 of) those videos, rising; see `video_digests`.
    """

    value: float = DEFAULT_THRESHOLD
    origin: str = "default"
    criterion: str | None = None
    level: str | None = None
    aggregate: str | None = None
    content: str | None = None
    videos: int | None = None
    sketch: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Plain values for results, with ``text`` for people; without the sketch."""
        told = {key: value for key, value in dataclasses.asdict(self).items() if key != "sketch" and value is not None}
        return told | {"text": self.text}

    @property
    def text(self) -> str:
        where = f"where {CRITERIA[self.criterion]}, by {self.level} ({self.aggregate})" if self.criterion else ""
        return {
            "default": f"{self.value:g}, the default",
            "given": f"{self.value:g}, as given",
            "validation": f"{self.value:.6g}, frozen: chosen on other predictions {where}",
            "evaluated": f"{self.value:.6g}, {where}; {FLATTERING}",
        }[self.origin]


def choose(scores: ArrayLike, labels: ArrayLike, *, criterion: str) -> float:
    """The threshold that ``criterion`` prefers, half-way down to the next lower score; of equals the highest.

    Args:
        scores, labels: [n], as `zoo.metrics.ranking.rank`.
        criterion: of `CRITERIA`.

    Raises:
        ConfigError: an unknown criterion.
        DataError: a class is absent, or as `zoo.metrics.ranking.rank`.
    """
    if criterion not in CRITERIA:
        raise ConfigError(f"No criterion {criterion!r}.", next_step=f"There are: {', '.join(CRITERIA)}.")
    ranking = rank(scores, labels)
    if ranking.one_class:
        raise DataError("A threshold cannot be chosen where reals or fakes are absent.")
    fpr, tpr, cuts = ranking.roc()
    tp, fp = tpr * ranking.positives, fpr * ranking.negatives
    tn, fn = ranking.negatives - fp, ranking.positives - tp
    worth = {
        "eer": -np.abs(fpr + tpr - 1.0),
        "balanced_accuracy": tpr - fpr,
        "macro_f1": tp / (2 * tp + fp + fn) + tn / (2 * tn + fp + fn),
        "fpr_1pct": np.where(fpr <= LOW_FPRS["tpr_at_fpr_1pct"], tpr, -1.0),
    }[criterion]
    best = int(np.argmax(worth))
    if best == 0:  # nothing is called fake
        return float(np.nextafter(1.0, 2.0))
    upper, lower = float(cuts[best]), float(cuts[best + 1]) if best + 1 < len(cuts) else 0.0
    middle = lower + (upper - lower) / 2
    return middle if middle > lower else upper


def choose_on(
    predictions: pa.Table, level: pa.Table, *, criterion: str, level_name: str, aggregate: str = MEAN, origin: str
) -> Threshold:
    """The threshold chosen on the scores of ``level`` (columns ``score`` and ``label``), made of ``predictions``."""
    digests = video_digests(predictions)
    return Threshold(
        value=choose(level["score"].to_numpy(), level["label"].to_numpy(), criterion=criterion),
        origin=origin,
        criterion=criterion,
        level=level_name,
        aggregate=aggregate,
        content=content_hash(predictions),
        videos=len(digests),
        sketch=tuple(digests[:_SKETCH]),
    )


def same_videos(threshold: Threshold, predictions: pa.Table) -> int:
    """About how many videos of ``predictions`` the threshold was chosen on; exact up to 4,096 videos."""
    if threshold.content is None:
        return 0
    if threshold.content == content_hash(predictions):
        return threshold.videos or 0
    found = len(set(threshold.sketch).intersection(video_digests(predictions)))
    share = len(threshold.sketch) / max(threshold.videos or 0, 1)
    return round(found / share) if share else 0


def content_hash(predictions: pa.Table) -> str:
    """SHA-256 of what was predicted for what: the same for equal rows in any order and file format."""
    table = in_order(predictions)
    digest = hashlib.sha256()
    for name in ("corpus", "sample_id", *VIDEO[1:]):
        digest.update("\0".join(table[name].to_pylist()).encode() + b"\1")
    digest.update(pc.fill_null(table["label"], -1).to_numpy().astype("i1").tobytes())
    digest.update((pc.fill_null(table["score"], -1.0).to_numpy() + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()


def video_digests(predictions: pa.Table) -> list[str]:
    """64 bits of the SHA-256 of each different video's corpus, method and id, in hexadecimal, rising."""
    videos = predictions.select(VIDEO).group_by(list(VIDEO), use_threads=False).aggregate([])
    names = zip(*(videos[name].to_pylist() for name in VIDEO), strict=True)
    return sorted(hashlib.sha256("\0".join(name).encode()).hexdigest()[:16] for name in names)


def save_threshold(path: str | os.PathLike, threshold: Threshold) -> None:
    """Write ``threshold`` as JSON.

    Raises:
        ConfigError: it was not chosen on any predictions.
        WorkDirError: the file cannot be written.
    """
    if threshold.content is None:
        raise ConfigError(
            "Only a threshold that was chosen on predictions is saved.",
            where=path,
            next_step="Choose it on validation data: --threshold-from VAL_PREDICTIONS.",
        )
    write_json(path, {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(threshold)})


def read_threshold(path: str | os.PathLike) -> Threshold:
    """A threshold as `save_threshold` wrote it; its origin is ``validation`` until compared with what is evaluated.

    Raises:
        DataError: absent, unreadable, or not such a file.
    """
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        if saved["format"] != _FORMAT or saved["version"] != _VERSION or saved["criterion"] not in CRITERIA:
            raise ValueError("another format, version or criterion")
        value, sketch, videos = float(saved["value"]), saved["sketch"], int(saved["videos"])
        words = [saved[key] for key in ("criterion", "level", "aggregate", "content")]
        if not 0 <= value <= 1.5 or not _all_words([*words, *sketch]):
            raise ValueError("values of another kind")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"The file holds no threshold: {error}.",
            where=path,
            next_step="Write one: zoo evaluate TEST --threshold-from VAL --save-threshold FILE.",
        ) from error
    criterion, level, aggregate, content = words
    return Threshold(
        value=value,
        origin="validation",
        criterion=criterion,
        level=level,
        aggregate=aggregate,
        content=content,
        videos=videos,
        sketch=tuple(sketch),
    )


def _all_words(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)
