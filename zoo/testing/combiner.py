"""What a combiner promises to ensembles: a score wherever a member has one, row by row, the same after it was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from zoo.ensembles.combiners.base import Combiner
from zoo.errors import DataError
from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises
from zoo.testing.videos import MEMBERS, VIDEOS, scores_and_labels

_TOLERANCE: Final = 1e-9


def check_combiner(component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """The contract of a combiner, over 240 videos and 3 members that lack a fifth of them (`scores_and_labels`).

    Args:
        component: a registered name, or a class.
        config: arguments in plain values, which suit three members.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="combiner", component=component, config=config or {})
    keep_promises(case, CHECKS)


def fitted(case: Case) -> Combiner:
    """A combiner that has seen `scores_and_labels`."""
    combiner = case.make()
    expect(isinstance(combiner, Combiner), "it is no zoo.ensembles.combiners.base.Combiner")
    combiner.fit(*scores_and_labels())
    return combiner


def every_video_with_a_score_gets_one(case: Case) -> None:
    """Scores are float64 [n] in [0, 1], and NaN only where no member has one; what is given stays as it is."""
    combiner = fitted(case)
    for seed in (0, 1):
        scores, _ = scores_and_labels(seed=seed)
        before = scores.copy()
        combined = combiner(scores)
        expect(np.array_equal(scores, before, equal_nan=True), "it changes the array that it is given")
        expect(combined.dtype == np.float64 and combined.shape == (VIDEOS,), f"{combined.dtype} {combined.shape}")
        nothing = np.isnan(scores).all(axis=1)
        wrong = np.flatnonzero(np.isnan(combined) != nothing)
        expect(not len(wrong), f"row {wrong[:1]}: {scores[wrong[:1]]} becomes {combined[wrong[:1]]}")
        expect(np.all((combined[~nothing] >= 0) & (combined[~nothing] <= 1)), "a score is outside [0, 1]")
    expect(combiner(np.empty((0, MEMBERS))).shape == (0,), "no rows do not give [0]")


def extremes_and_single_members_are_scored(case: Case) -> None:
    """Each member alone, and scores of 0 and 1, give a number."""
    combiner = fitted(case)
    rows = [
        [value if member == alone else np.nan for member in range(MEMBERS)]
        for alone in range(MEMBERS)
        for value in (0.0, 0.5, 1.0)
    ]
    scores = np.array([*rows, [0.0] * MEMBERS, [1.0] * MEMBERS, [0.0, 1.0, np.nan]])
    bad = np.flatnonzero(~np.isfinite(combiner(scores)))
    expect(not len(bad), f"{scores[bad[:1]]} gives no number")


def rows_do_not_influence_each_other(case: Case) -> None:
    """A video scores alone as among others, and the order of rows stays."""
    combiner = fitted(case)
    scores, _ = scores_and_labels(seed=1)
    combined = combiner(scores)
    order = np.random.default_rng(0).permutation(VIDEOS)
    expect(_alike(combiner(scores[order]), combined[order]), "the order of rows matters")
    alone = np.concatenate([combiner(row[None]) for row in scores[:40]])
    expect(_alike(alone, combined[:40]), "a video alone scores otherwise than among others")


def fakes_score_higher(case: Case) -> None:
    """Fakes, which its members score higher as a rule, get the higher mean."""
    scores, labels = scores_and_labels(seed=1)
    combined = fitted(case)(scores)
    means = [np.nanmean(combined[labels == label]) for label in (0, 1)]
    expect(means[1] > means[0], f"the mean of reals is {means[0]:.3f}, of fakes {means[1]:.3f}")


def fitting_is_deterministic(case: Case) -> None:
    """Fitted again, another instance or the same, it gives the same scores."""
    combiner, again = fitted(case), fitted(case)
    scores, labels = scores_and_labels(seed=1)
    wanted = combiner(scores)
    expect(_same(again(scores), wanted), "a second instance gives other scores")
    again.fit(scores, labels)
    again.fit(*scores_and_labels())
    expect(_same(again(scores), wanted), "what it was fitted to earlier is left in it")


def its_state_is_all_of_it(case: Case) -> None:
    """Its state, as JSON and back, makes one without arguments give the same scores to the bit."""
    combiner = fitted(case)
    text = json.dumps(combiner.state(), allow_nan=False, sort_keys=True)
    again = Case(kind=case.kind, component=case.component).make()
    again.load_state(json.loads(text))
    scores, _ = scores_and_labels(seed=1)
    expect(_same(again(scores), combiner(scores)), "it gives other scores")
    expect(again.learns == combiner.learns, f"`learns` was {combiner.learns} and is {again.learns}")
    expect(json.dumps(again.state(), allow_nan=False, sort_keys=True) == text, "its state is another")


def it_says_that_it_is_not_fitted(case: Case) -> None:
    """One that learns refuses to combine before it is fitted, and other numbers of members after; others just work."""
    combiner = case.make()
    scores, _ = scores_and_labels()
    try:
        combiner(scores)
    except DataError:
        expect(combiner.learns, "`learns` is False, and it wants to be fitted")
    else:
        expect(not combiner.learns, "it combines though `learns` says that it must be fitted")
    if not combiner.learns:
        return
    for wanted, given in (("is not fitted", case.make()), ("has seen three members", fitted(case))):
        try:
            given(scores[:, :2])
        except DataError:
            continue
        expect(False, f"one that {wanted} combines two members")


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


CHECKS: Final[tuple[Check, ...]] = (
    every_video_with_a_score_gets_one,
    extremes_and_single_members_are_scored,
    rows_do_not_influence_each_other,
    fakes_score_higher,
    fitting_is_deterministic,
    its_state_is_all_of_it,
    it_says_that_it_is_not_fitted,
)
