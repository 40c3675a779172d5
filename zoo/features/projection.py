"""Random projection of any width to 512, reproducible to the bit."""

from __future__ import annotations

import numpy as np


def random_projection(width: int, *, dim: int = 512, seed: int = 0) -> np.ndarray:
    """A matrix [width, dim] whose entries are +-1 / sqrt(dim).

    Such a projection keeps distances (Achlioptas 2003, "Database-friendly random projections"), and unlike an
    orthogonalised one it is the same on every machine to the last bit, so that it can be fingerprinted.

    Args:
        width: of the vectors to project.
        dim: of the projected vectors.
        seed: of the signs.
    """
    bits = np.random.default_rng(seed).integers(0, 2, size=(width, dim), dtype=np.int8)
    return ((2 * bits - 1) / np.sqrt(dim)).astype(np.float32)
