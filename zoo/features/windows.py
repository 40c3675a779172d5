"""Windows cut out of clips, stacked into one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import torch

from zoo.features.layout import FRAME, UNKNOWN_FRAME

STREAMS: Final = ("visual", "audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """``b`` windows of ``t`` frames. Rows under a False mask are zero.

    ``features`` maps ``visual`` and ``audio`` to float32 [b, t, width], ``masks`` to bool [b, t]. ``times`` are
    seconds [b, t], 0 where padded and NaN where the source has none; ``frame_labels`` int8 [b, t] in {0, 1}, and -1
    where unknown or padded.
    """

    features: dict[str, torch.Tensor]
    masks: dict[str, torch.Tensor]
    times: torch.Tensor
    frame_labels: torch.Tensor


class OpenClips(Protocol):
    """Some clips of a source, whose lengths are known and whose windows can be cut."""

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip, int64 [b]."""

    def read(self, starts: np.ndarray, stops: np.ndarray, *, size: int) -> Windows:
        """Rows ``starts[i]`` to ``stops[i]`` of clip ``i``, padded to ``size`` rows.

        A window may reach beyond its clip on both sides: such rows are masked, never taken from the other end.
        """


class FeatureSource(Protocol):
    """A packed store or a tree of npz files: what a dataset reads its clips from."""

    visual_dim: int
    audio_dim: int
    index: pa.Table

    def longest(self, rows: np.ndarray) -> int | None:
        """Frames of the longest of the clips at ``rows``; None where that would mean to read them."""

    def known_faults(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> dict[str, str]:
        """``video_id`` to reason of the clips at ``rows`` that are known to be of no use, without reading any."""

    def scan(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> dict[str, str]:
        """``video_id`` to reason of the clips at ``rows`` that are broken; reads them all."""

    def open(self, rows: np.ndarray, streams: Sequence[str] = STREAMS) -> OpenClips:
        """The clips at ``rows`` of the index."""

    def ties(self) -> list[list[str]]:
        """For each clip what binds it to others, so that no split parts them: people, source videos, a shared name."""

    def provenance(self) -> dict:
        """Plain values that name this data: ``kind``, ``hash``, ``fingerprint``."""


def column_of(index: pa.Table, name: str) -> np.ndarray:
    """A column of numbers without gaps as an array that shares the index's memory."""
    return index[name].chunk(0).to_numpy(zero_copy_only=True)


def overlap(starts: np.ndarray, stops: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which rows of each clip a window really covers: first row, number of rows, and where they go in the window."""
    first = np.clip(starts, 0, lengths)
    count = np.clip(stops, first, lengths) - first
    return first, count, np.clip(first - starts, 0, None)


def blank_frames(batch: int, size: int) -> np.ndarray:
    """Frame records [batch, size] of padding: masks False, labels unknown."""
    frames = np.zeros((batch, size), FRAME)
    frames["label"] = UNKNOWN_FRAME
    return frames


def windows_of(features: dict[str, torch.Tensor], frames: np.ndarray) -> Windows:
    """Windows out of features and the frame records [b, t] that belong to them."""
    return Windows(
        features=features,
        masks={name: torch.from_numpy(frames[name].astype(bool)) for name in features},
        times=torch.from_numpy(frames["time"].copy()),
        frame_labels=torch.from_numpy(frames["label"].copy()),
    )
