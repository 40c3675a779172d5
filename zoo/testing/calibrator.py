"""What a calibrator promises to ensembles: probabilities that never fall, and the same after it was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zoo.ensembles.calibrators.base import Calibrator
from zoo.errors import DataError
from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises
from zoo.testing.videos import scores_and_labels


def check_calibrator(component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """The contract of a calibrator, over the scores of one of the members in `scores_and_labels`.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="calibrator", component=component, config=config or {})
    keep_promises(case, CHECKS)


def member(*, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``scores`` [n] in [0, 1], some of them NaN, and ``labels`` [n]."""
    scores, labels = scores_and_labels(seed=seed)
    return scores[:, 0], labels


def fitted(case: Case) -> Calibrator:
    """A calibrator that has seen `member`."""
    calibrator = case.make()
    expect(isinstance(calibrator, Calibrator), "it is no zoo.ensembles.calibrators.base.Calibrator")
    calibrator.fit(*member())
    return calibrator


def probabilities_never_fall(case: Case) -> None:
    """Probabilities are within [0, 1] and never fall where the score rises, whatever it is fitted to."""
    scores, labels = member()
    grid = np.concatenate([[0.0], np.sort(np.random.default_rng(0).random(500)), [1.0]])
    samples = {
        "scores as they are": scores,
        "scores in steps of 0.1": np.round(scores, 1),
        "scores that tell the classes apart": labels.astype(np.float64),
        "scores that are all alike": np.full(len(labels), 0.5),
        "scores that are the wrong way round": 1 - scores,
    }
    for told, given in samples.items():
        calibrator = case.make()
        calibrator.fit(given, labels)
        mapped = calibrator(grid)
        expect(mapped.dtype == np.float64 and mapped.shape == grid.shape, f"{mapped.dtype} {mapped.shape}")
        expect(np.isfinite(mapped).all(), f"fitted to {told} it gives no number for {grid[~np.isfinite(mapped)][:1]}")
        expect(np.all((mapped >= 0) & (mapped <= 1)), f"fitted to {told} it leaves [0, 1]")
        expect(np.all(np.diff(mapped) >= 0), f"fitted to {told} it falls")


def nan_stays_nan(case: Case) -> None:
    """NaN stays NaN and does not influence fitting; rows keep their order; what is given stays as it is."""
    calibrator, without = fitted(case), case.make()
    scores, labels = member()
    has = ~np.isnan(scores)
    without.fit(scores[has], labels[has])
    before = scores.copy()
    mapped = calibrator(scores)
    expect(np.array_equal(scores, before, equal_nan=True), "it changes the array that it is given")
    expect(np.array_equal(np.isnan(mapped), ~has), "NaN is not where it was")
    expect(np.array_equal(mapped[has], without(scores[has])), "NaN influences what is fitted")
    expect(np.array_equal(calibrator(scores[::-1]), mapped[::-1], equal_nan=True), "the order of rows matters")
    expect(calibrator(np.empty(0)).shape == (0,), "no rows do not give [0]")


def fitting_is_deterministic(case: Case) -> None:
    """Fitted again, another instance or the same, it gives the same probabilities."""
    calibrator, again = fitted(case), fitted(case)
    wanted = calibrator(member(seed=1)[0])
    expect(np.array_equal(again(member(seed=1)[0]), wanted, equal_nan=True), "a second instance gives others")
    again.fit(*member(seed=1))
    again.fit(*member())
    expect(np.array_equal(again(member(seed=1)[0]), wanted, equal_nan=True), "an earlier fit is left in it")


def its_state_is_all_of_it(case: Case) -> None:
    """Its state, as JSON and back, makes one without arguments give the same probabilities to the bit."""
    calibrator = fitted(case)
    text = json.dumps(calibrator.state(), allow_nan=False, sort_keys=True)
    again = Case(kind=case.kind, component=case.component).make()
    again.load_state(json.loads(text))
    scores, _ = member(seed=1)
    expect(again.fitted, "`fitted` is False after `load_state`")
    expect(np.array_equal(again(scores), calibrator(scores), equal_nan=True), "it gives other probabilities")
    expect(json.dumps(again.state(), allow_nan=False, sort_keys=True) == text, "its state is another")


def it_says_that_it_is_not_fitted(case: Case) -> None:
    """Before it is fitted it says so, by `fitted` and by refusing scores."""
    calibrator = case.make()
    expect(not calibrator.fitted, "`fitted` is True of a new one")
    try:
        calibrator(member()[0])
    except DataError:
        pass
    else:
        expect(False, "it maps scores before it is fitted")
    calibrator.fit(*member())
    expect(calibrator.fitted, "`fitted` is False after `fit`")


CHECKS: Final[tuple[Check, ...]] = (
    probabilities_never_fall,
    nan_stays_nan,
    fitting_is_deterministic,
    its_state_is_all_of_it,
    it_says_that_it_is_not_fitted,
)
