"""What a mixer promises to samplers: whole draws of each cell, exactly as many as asked for, always the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from zoo.datasets.cells import CellName, Cells
from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises

_SIZES: Final = (5, 1, 700, 40, 80)
_NAMES: Final = (
    CellName("a", "real", "r"),
    CellName("b", "real", "r"),
    CellName("a", "fake", "x"),
    CellName("b", "fake", "y"),
    CellName("b", "fake", "z"),
)
_LENGTHS: Final = (0, 1, 3, 826, 10**9 + 7)


def check_mixer(component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """The contract of a mixer, over corpora ``a`` and ``b`` with methods ``x``, and ``y`` and ``z``.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="mixer", component=component, config=config or {})
    keep_promises(case, CHECKS)


def cells() -> Cells:
    """Five cells of very different sizes."""
    sizes = np.array(_SIZES)
    return Cells(_NAMES, np.cumsum(sizes) - sizes, sizes)


def draws_are_whole_and_sum_up(case: Case) -> None:
    """Draws are whole, not negative, and as many as asked for, in every call and instance."""
    mixer = case.make()
    for length in _LENGTHS:
        draws = mixer.draws(cells(), length)
        expect(draws.dtype == np.int64 and draws.shape == (len(_NAMES),), f"draws are {draws.dtype} {draws.shape}")
        expect(draws.sum() == length and draws.min() >= 0, f"{draws.tolist()} for an epoch of {length}")
        expect(np.array_equal(mixer.draws(cells(), length), draws), "a second call gives something else")
        expect(np.array_equal(case.make().draws(cells(), length), draws), "a second instance gives something else")


def shares_are_proportions(case: Case) -> None:
    """Shares are finite, none negative, not all 0."""
    shares = case.make().shares(cells())
    sound = shares.shape == (len(_NAMES),) and (shares >= 0).all() and np.isfinite(shares).all() and shares.any()
    expect(sound, f"the shares are {shares!r}")


def of_like_cells_the_larger_is_drawn_no_less_often(case: Case) -> None:
    """Of two cells that differ in their method alone, the larger one is drawn no less often."""
    draws = case.make().draws(cells(), 10_000)
    expect(draws[4] >= draws[3] > 0, f"of 40 samples {draws[3]} are drawn, of 80 others {draws[4]}")


CHECKS: Final[tuple[Check, ...]] = (
    draws_are_whole_and_sum_up,
    shares_are_proportions,
    of_like_cells_the_larger_is_drawn_no_less_often,
)
