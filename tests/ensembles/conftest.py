"""Members whose scores and gaps are drawn from a seed."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest


@pytest.fixture
def predictions() -> Callable[..., pa.Table]:
    """A function that makes a predictions table of ids, scores (NaN: none) and labels (-1: unknown)."""

    def make(
        ids: Sequence[str],
        scores: Sequence[float],
        labels: Sequence[int] | None = None,
        *,
        corpus: str | Sequence[str] = "c",
        method: str | Sequence[str] = "m",
        status: str = "no_face",
        samples: Sequence[str] | None = None,
    ) -> pa.Table:
        count = len(ids)
        values = np.asarray(scores, np.float64)
        gone = np.isnan(values)
        truth = np.full(count, -1) if labels is None else np.asarray(labels)
        return pa.table(
            {
                "sample_id": pa.array(list(ids if samples is None else samples), pa.string()),
                "video_id": pa.array(list(ids), pa.string()),
                "corpus": pa.array([corpus] * count if isinstance(corpus, str) else list(corpus), pa.string()),
                "method": pa.array([method] * count if isinstance(method, str) else list(method), pa.string()),
                "label": pa.array(truth.astype(np.int8), mask=truth < 0),
                "score": pa.array(values, mask=gone),
                "status": pa.array(np.where(gone, status, "ok"), pa.string()),
            }
        )

    return make


@pytest.fixture
def drawn() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A function that draws ``scores`` [n, m], a share of them NaN but never a whole row, and ``labels`` [n]."""

    def draw(
        n: int, strengths: Sequence[float] = (1.0, 1.5, 2.0), *, seed: int = 0, gaps: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        labels = random.permutation(np.arange(n) % 2)
        noise = random.normal(size=(n, len(strengths)))
        scores = 1 / (1 + np.exp(-(noise + np.array(strengths) * (labels[:, None] - 0.5))))
        lacking = random.random(scores.shape) < gaps
        lacking[np.arange(n), random.integers(0, len(strengths), n)] = False
        return np.where(lacking, np.nan, scores), labels

    return draw
