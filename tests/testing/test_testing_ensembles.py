"""A combiner or a calibrator that breaks a promise is caught, and told what it does wrong."""

import numpy as np
import pytest
from scipy.stats import rankdata

from zoo.ensembles.calibrators.base import Calibrator
from zoo.ensembles.calibrators.platt import PlattCalibrator
from zoo.ensembles.combiners.mean import MeanCombiner
from zoo.ensembles.combiners.weighted import WeightedMeanCombiner
from zoo.testing import ContractBroken, check_calibrator, check_combiner


class Ranked(MeanCombiner):
    """Ranks videos among those it is given."""

    def combine(self, scores):
        return rankdata(super().combine(scores)) / len(scores)


class Strict(MeanCombiner):
    """Wants all members."""

    def combine(self, scores):
        return scores.mean(axis=1)


class Reversed(MeanCombiner):
    """Has 1 = real."""

    def combine(self, scores):
        return 1 - super().combine(scores)


class Forgetful(WeightedMeanCombiner):
    """Leaves its weights out of its state."""

    def load_state(self, state):
        super().load_state({**state, "weights": [1 / 3] * 3})


class Careless(WeightedMeanCombiner):
    """Combines before it is fitted."""

    def __call__(self, scores):
        return MeanCombiner()(scores) if self.columns is None else super().__call__(scores)


class Destructive(MeanCombiner):
    """Fills gaps in the array that it is given."""

    def __call__(self, scores):
        combined = super().__call__(scores)
        scores[np.isnan(scores)] = 0.5
        return combined


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Ranked, "the order of rows matters|alone scores otherwise"),
        (Strict, r"row \[\d+\]: .*nan.* becomes \[nan\]"),
        (Reversed, "the mean of reals is 0.6"),
        (Forgetful, "gives other scores"),
        (Careless, "it combines though"),
        (Destructive, "changes the array"),
    ],
)
def test_a_broken_combiner_is_told_what_it_does_wrong(broken, told):
    with pytest.raises(ContractBroken, match=told):
        check_combiner(broken)


class Straight(Calibrator):
    """The line of least squares, whichever way it runs."""

    def __init__(self):
        self.line = None

    @property
    def fitted(self):
        return self.line is not None

    def learn(self, scores, labels):
        self.line = [0.0, float(labels.mean())]
        if np.ptp(scores):
            self.line = np.polyfit(scores, labels, 1).tolist()

    def map(self, scores):
        return np.polyval(self.line, scores)

    def state(self):
        return {"line": self.line}

    def load_state(self, state):
        self.line = state["line"]


class Half(PlattCalibrator):
    """Keeps only half of what it knows."""

    def state(self):
        return {"slope": self.slope}

    def load_state(self, state):
        self.slope = state["slope"]


class Eager(PlattCalibrator):
    """Says that it is fitted when it is not."""

    def __init__(self):
        super().__init__()
        self.slope = 1.0


class Certain(PlattCalibrator):
    """Takes what is not known for a fake."""

    def __call__(self, scores):
        return np.nan_to_num(super().__call__(scores), nan=1.0)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Straight, "the wrong way round it falls"),
        (Half, "gives other probabilities"),
        (Eager, "`fitted` is True of a new one"),
        (Certain, "NaN is not where it was"),
    ],
)
def test_a_broken_calibrator_is_told_what_it_does_wrong(broken, told):
    with pytest.raises(ContractBroken, match=told):
        check_calibrator(broken)
