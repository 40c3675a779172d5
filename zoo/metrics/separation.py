"""How well a value tells real from fake, and whether chance would do as well; scores learned across folds.

Two tests of chance are made, and the larger of their p-values counts: of the AUC against its standard error under
redrawn clusters, which knows that videos of one person are alike, and Mann and Whitney's over the clusters' mean
ranks, which knows how few clusters there are. Holm's correction bounds the chance that any of the values that are
tested together is wrongly found to tell the classes apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.bootstrap import interval_of
from zoo.metrics.resampling import Slice, plain_figures, replicates_of, slice_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PRIOR: Final = 1.0  # videos of each class that every name is taken to have had beside those seen
_MOST_LEAVES: Final = 20  # fewest videos of a leaf where there are many


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """How well one value tells real from fake.

    Attributes:
        name: of the value.
        auc: of a plain value the larger of AUC and 1 - AUC; of a learned one the AUC, which can be below 0.5.
        low, high: its 95% interval in the same direction, by redrawn clusters; NaN where undefined.
        direction: what fakes have more of, or how the value was learned.
        p_value: of chance; ``p_corrected`` is Holm's over everything that was tested with it.
        n_real, n_fake: videos of which it is known.
    """

    name: str
    auc: float
    low: float
    high: float
    direction: str
    p_value: float
    p_corrected: float
    n_real: int
    n_fake: int


class Ranked:
    """The ranks in (0, 1) of a value where it is known, with labels and clusters there.

    Args:
        values: float [n], NaN where unknown.
        labels: [n], 0 = real, 1 = fake.
        clusters: int [n], from 0 on.
    """

    def __init__(self, values: Floats, labels: Ints, clusters: NDArray[np.intp]) -> None:
        from scipy.stats import rankdata

        known = ~np.isnan(values)
        self.ranks: Floats = (rankdata(values[known]) - 0.5) / max(np.count_nonzero(known), 1)
        self.labels: Ints = labels[known]
        self.clusters: NDArray[np.intp] = clusters[known]
        self.slice: Slice = slice_of(self.ranks, self.labels, self.clusters)

    def units(self) -> tuple[Floats, Floats]:
        """Mean ranks of the reals of each cluster, and of the fakes of each."""
        means = []
        for label in (0, 1):
            mine = self.labels == label
            _, places = np.unique(self.clusters[mine], return_inverse=True)
            means.append(np.bincount(places, weights=self.ranks[mine]) / np.bincount(places))
        return means[0], means[1]


def separations(
    parts: Mapping[str, Ranked], learned: Mapping[str, str], *, clusters: int, replicates: int, seed: int
) -> dict[str, Separation]:
    """The separation of every value of ``parts``, tested together.

    Args:
        parts: each with both classes.
        learned: of the values that have a direction of their own, what to say of them.
        clusters: how many there are.
        replicates: of the bootstrap.
        seed: of it.
    """
    drawn = replicates_of(
        [part.slice for part in parts.values()],
        clusters=clusters,
        replicates=replicates,
        seed=seed,
        statistics=["auc"],
    )["auc"]
    found = [
        _separation(name, part, drawn[row], learned=learned.get(name)) for row, (name, part) in enumerate(parts.items())
    ]
    corrected = holm([item.p_value for item in found])
    return {item.name: replace(item, p_corrected=p) for item, p in zip(found, corrected, strict=True)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in the order given."""
    result = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        result[index] = highest
    return result


def cross_fitted_names(texts: NDArray[np.str_], labels: Ints, folds: Ints) -> Floats:
    """For each video how much more often its text is fake than the rest is, in log-odds, on the other folds; [n].

    A text that the other folds do not have is worth 0.
    """
    result = np.zeros(len(texts))
    for fold in np.unique(folds):
        here = folds == fold
        n_fake = np.count_nonzero(labels[~here])
        base = np.log((n_fake + _PRIOR) / (np.count_nonzero(~here) - n_fake + _PRIOR))
        for text in np.unique(texts[here]):
            seen = labels[~here & (texts == text)]
            if len(seen):
                fakes = np.count_nonzero(seen)
                result[here & (texts == text)] = np.log((fakes + _PRIOR) / (len(seen) - fakes + _PRIOR)) - base
    return result


def cross_fitted_model(
    numbers: Sequence[Floats], names: Sequence[NDArray[np.str_]], labels: Ints, folds: Ints
) -> Floats:
    """For each video the log-odds of fake of shallow boosted trees over all values, fitted on the other folds; [n].

    Args:
        numbers: each [n], NaN where unknown.
        names: each [n]; every text becomes a column of its own.
        labels: [n], both classes in every complement of a fold.
        folds: [n].
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = [*numbers, *((texts == text).astype(np.float64) for texts in names for text in np.unique(texts))]
    table = np.stack(columns, axis=1)
    result = np.zeros(len(labels))
    for fold in np.unique(folds):
        here = folds == fold
        trees = HistGradientBoostingClassifier(
            max_iter=60,
            max_depth=3,
            min_samples_leaf=int(np.clip(np.count_nonzero(~here) // 10, 2, _MOST_LEAVES)),
            early_stopping=False,
            class_weight="balanced",
            random_state=0,
        )
        result[here] = trees.fit(table[~here], labels[~here]).decision_function(table[here])
    return result


def most_telling(texts: NDArray[np.str_], labels: Ints) -> str:
    """The text whose shares of reals and of fakes differ most, with both shares."""

    def shares(text: str) -> tuple[float, float]:
        return float(np.mean(texts[labels == 0] == text)), float(np.mean(texts[labels == 1] == text))

    best = max(np.unique(texts).tolist(), key=lambda text: abs(shares(text)[0] - shares(text)[1]))
    real, fake = shares(best)
    return f"{best} in {real:.0%} of reals and {fake:.0%} of fakes"


def _separation(name: str, part: Ranked, drawn: Floats, *, learned: str | None) -> Separation:
    auc = plain_figures(part.slice, ["auc"])["auc"]
    bounds = interval_of(drawn)
    turned = learned is None and auc < 0.5
    low, high = (1 - bounds.high, 1 - bounds.low) if turned else (bounds.low, bounds.high)
    p_value = _p_value(part, auc, drawn, one_sided=learned is not None)
    return Separation(
        name=name,
        auc=1 - auc if turned else auc,
        low=low,
        high=high,
        direction=learned or f"{'lower' if turned else 'higher'} in fakes",
        p_value=p_value,
        p_corrected=p_value,
        n_real=int(np.count_nonzero(part.labels == 0)),
        n_fake=int(np.count_nonzero(part.labels == 1)),
    )


def _p_value(part: Ranked, auc: float, drawn: Floats, *, one_sided: bool) -> float:
    from scipy.stats import mannwhitneyu, norm

    defined = drawn[~np.isnan(drawn)]
    if 2 * len(defined) <= len(drawn) or (one_sided and auc <= 0.5) or auc == 0.5:
        return 1.0
    deviation = float(np.std(defined, ddof=1))
    tail = float(norm.sf(abs(auc - 0.5) / deviation)) if deviation > 0 else 0.0
    reals, fakes = part.units()
    few = float(mannwhitneyu(fakes, reals, alternative="greater" if one_sided else "two-sided").pvalue)
    return min(1.0, max(tail if one_sided else 2 * tail, 1.0 if np.isnan(few) else few))
