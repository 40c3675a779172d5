"""How far opinions of one video lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from zoo.errors import DataError
from zoo.metrics.table import by_video, scored
from zoo.structures import LABEL_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Contested:
    """A video and the scores, in [0, 1], that it was given, by whoever gave them."""

    corpus: str
    method: str
    video_id: str
    label: int
    scores: Mapping[str, float]

    @property
    def spread(self) -> float:
        """The largest score less the smallest."""
        return max(self.scores.values()) - min(self.scores.values())

    @property
    def truth(self) -> str:
        return LABEL_NAMES[self.label]

    def is_split(self, threshold: float) -> bool:
        """Whether some call it real and some fake."""
        return min(self.scores.values()) < threshold <= max(self.scores.values())


def contested_between(tables: Mapping[str, pa.Table]) -> list[Contested]:
    """Videos that two or more of ``tables`` (predictions by the name of who made them) score, the most contested first.

    Raises:
        DataError: two tables disagree on a video's label.
    """
    found: dict[tuple[str, str, str], Contested] = {}
    for name, table in tables.items():
        for row in by_video(scored(table)).to_pylist():
            key = (row["corpus"], row["method"], row["video_id"])
            known = found.get(key)
            if known is not None and known.label != row["label"]:
                raise DataError(
                    f"The label of {row['video_id']!r} is {known.truth} in {next(iter(known.scores))} and another in "
                    f"{name}.",
                    where=name,
                    next_step="Compare predictions of one version of the corpus.",
                )
            scores = {**(known.scores if known else {}), name: row["score"]}
            found[key] = Contested(corpus=key[0], method=key[1], video_id=key[2], label=row["label"], scores=scores)
    return _by_spread([video for video in found.values() if len(video.scores) > 1])


def contested_within(table: pa.Table) -> list[Contested]:
    """Videos of several samples (frames or clips) in ``table``, the most contested first."""
    rows = scored(table).select(["corpus", "method", "video_id", "label", "sample_id", "score"])
    groups = rows.group_by(["corpus", "method", "video_id"], use_threads=False)
    merged = groups.aggregate([("label", "max"), ("sample_id", "list"), ("score", "list")]).to_pylist()
    return _by_spread(
        [
            Contested(
                corpus=row["corpus"],
                method=row["method"],
                video_id=row["video_id"],
                label=row["label_max"],
                scores=dict(zip(row["sample_id_list"], row["score_list"], strict=True)),
            )
            for row in merged
            if len(row["score_list"]) > 1
        ]
    )


def mean_spread(videos: list[Contested]) -> float:
    """The mean of all spreads; NaN of none."""
    return float(np.mean([video.spread for video in videos])) if videos else float("nan")


def _by_spread(videos: list[Contested]) -> list[Contested]:
    return sorted(videos, key=lambda video: (-video.spread, video.corpus, video.video_id))
