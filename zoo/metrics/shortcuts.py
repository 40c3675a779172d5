"""How well trivial properties of files tell real from fake, each alone and all together, beside a model.

A number is its own score, in whichever direction tells more. A name (a codec) is scored by how much more often it is
fake than the rest, learned on other people's videos; so is the model of all properties together. What is a shortcut
must be unlikely by chance, see `zoo.metrics.separation`, and tell enough to matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from zoo.errors import DataError
from zoo.metrics.bootstrap import REPLICATES, Difference, check_statistics, cluster_numbers, paired_differences
from zoo.metrics.checks import Finding
from zoo.metrics.separation import (
    Floats,
    Ints,
    Ranked,
    Separation,
    cross_fitted_model,
    cross_fitted_names,
    most_telling,
    separations,
)
from zoo.metrics.summary import without_nan
from zoo.structures import LABEL_NAMES

TOGETHER: Final = "all_together"
MODEL: Final = "model"
SIGNIFICANT: Final = 0.05
WORTH_TELLING: Final = 0.6
"""AUC from which on a significant property is called a shortcut."""

SERIOUS: Final = frozenset({"no_better_than_shortcuts", "shortcut", "shortcuts_together", "unmeasured_unevenly"})
"""Names of findings with which a detector's figures may not mean what they seem to."""

_ABSENT: Final = "none"
_FEWEST: Final = 2  # known values of each class
_UNEVEN: Final = 0.05  # difference between the classes' shares of files that could not be measured


def is_shortcut(item: Separation) -> bool:
    """Whether it tells more than chance would, and enough to matter."""
    return item.p_corrected < SIGNIFICANT and item.auc >= WORTH_TELLING


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortcutAudit:
    """What was found.

    Attributes:
        features: the properties that vary, the most telling first.
        together: all of them in one model, cross-fitted; None where there were no folds, or nothing to fit.
        model: the audited detector on the same videos; None without scores.
        difference: the AUC of the detector minus that of ``together``.
        constant: properties with one value for all.
        unknown: properties that are known of too few videos of a class.
        cross_fitted: whether there were folds; without them names are not judged.
        clusters: how many independent clusters there are.
    """

    features: tuple[Separation, ...]
    together: Separation | None
    model: Separation | None
    difference: Difference | None
    constant: tuple[str, ...]
    unknown: tuple[str, ...]
    cross_fitted: bool
    clusters: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; undefined figures are None."""

        def shown(item: Separation | None) -> dict[str, Any] | None:
            return None if item is None else {**without_nan(asdict(item)), "shortcut": is_shortcut(item)}

        return {
            "features": [shown(item) for item in self.features],
            "together": shown(self.together),
            "model": shown(self.model),
            "difference": None if self.difference is None else without_nan(asdict(self.difference)),
            "constant": list(self.constant),
            "unknown": list(self.unknown),
            "cross_fitted": self.cross_fitted,
            "clusters": self.clusters,
        }


def audit_shortcuts(
    numbers: Mapping[str, ArrayLike],
    names: Mapping[str, Sequence[str | None]],
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    folds: Ints | None = None,
    model: ArrayLike | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> ShortcutAudit:
    """Judge properties of ``n`` videos.

    Args:
        numbers: property to float [n], NaN where unknown.
        names: property to [n] texts, None where there is none.
        labels: [n], 0 = real, 1 = fake.
        groups: [n] whose members are drawn together (people, families); each video by itself if None.
        folds: int [n], in which no group is in two; what is learned is learned on the other folds.
        model: [n] in [0, 1], scores of a detector to be shown beside.
        replicates: of the bootstrap, at least 2.
        seed: of the bootstrap.

    Raises:
        DataError: a class is absent, or lengths differ.
        ConfigError: ``replicates`` is out of range.
    """
    truth = np.asarray(labels, dtype=np.int64)
    check_statistics(["auc"], replicates=replicates, confidence=0.95)
    require_both(truth)
    clusters, count = cluster_numbers(groups, len(truth))
    plain, constant, unknown = _varying_numbers(numbers, truth)
    texts = {name: np.array([_ABSENT if text is None else text for text in column]) for name, column in names.items()}
    varying = {name: column for name, column in texts.items() if len(np.unique(column)) > 1}
    scores: dict[str, Floats] = dict(plain)
    learned: dict[str, str] = {}
    if folds is not None and (plain or varying):
        for name, column in varying.items():
            scores[name] = cross_fitted_names(column, truth, folds)
            learned[name] = most_telling(column, truth)
        scores[TOGETHER] = cross_fitted_model(list(plain.values()), list(varying.values()), truth, folds)
        learned[TOGETHER] = "boosted trees over all that vary, fitted on other folds"
    parts = {name: Ranked(column, truth, clusters) for name, column in scores.items()}
    judged = separations(parts, learned, clusters=count, replicates=replicates, seed=seed)
    features = [item for name, item in judged.items() if name != TOGETHER]
    detector = None
    if model is not None:
        beside = {MODEL: Ranked(np.asarray(model, dtype=np.float64), truth, clusters)}
        learned[MODEL] = "scores of the detector"
        detector = separations(beside, learned, clusters=count, replicates=replicates, seed=seed)[MODEL]
    difference = None
    if model is not None and TOGETHER in parts:
        pair = paired_differences(
            beside[MODEL].slice,
            parts[TOGETHER].slice,
            clusters=count,
            replicates=replicates,
            seed=seed,
            statistics=["auc"],
        )
        difference = pair["auc"]
    return ShortcutAudit(
        features=tuple(sorted(features, key=lambda item: (-item.auc, item.name))),
        together=judged.get(TOGETHER),
        model=detector,
        difference=difference,
        constant=(*constant, *sorted(texts.keys() - varying.keys())),
        unknown=tuple(unknown),
        cross_fitted=folds is not None,
        clusters=count,
    )


def check_shortcuts(audit: ShortcutAudit) -> list[Finding]:
    """What the audit tells, each by its name."""
    return list(_findings(audit))


def check_unmeasured(measured: Sequence[int], failed: Sequence[int]) -> list[Finding]:
    """What files that could not be measured tell; ``measured`` and ``failed`` are numbers of reals and of fakes."""
    if not sum(failed):
        return []
    findings = [Finding("unmeasured_files", f"{sum(failed):,} files could not be measured and are in no figure.")]
    shares = [bad / max(good + bad, 1) for good, bad in zip(measured, failed, strict=True)]
    if abs(shares[0] - shares[1]) > _UNEVEN:
        text = f"{shares[0]:.1%} of reals and {shares[1]:.1%} of fakes could not be measured: that itself tells them."
        findings.append(Finding("unmeasured_unevenly", text))
    return findings


def _findings(audit: ShortcutAudit) -> Iterator[Finding]:
    for item in audit.features:
        if is_shortcut(item):
            yield Finding("shortcut", f"{item.name} {_told(item)}, {item.direction}")
    together = audit.together
    if together is not None and is_shortcut(together):
        text = f"{together.name} {_told(together)}: a detector can reach this without looking at a face"
        yield Finding("shortcuts_together", text)
        if audit.model is not None and audit.difference is not None and audit.difference.low <= 0:
            text = (
                f"the detector's AUC of {audit.model.auc:.2f} is not surely above the {together.auc:.2f} of trivial "
                f"properties (difference {audit.difference.low:+.2f} to {audit.difference.high:+.2f})"
            )
            yield Finding("no_better_than_shortcuts", text)
    if not audit.cross_fitted:
        text = "there are too few people or videos of a class to learn from some and judge others: codecs and all"
        yield Finding("not_cross_fitted", f"{text} properties together are not judged")


def _told(item: Separation) -> str:
    p = "p < 0.001" if item.p_corrected < 0.001 else f"p = {item.p_corrected:.3f}"
    return f"AUC {item.auc:.2f} ({item.low:.2f} to {item.high:.2f}, {p})"


def require_both(labels: ArrayLike, *, where: object = None) -> None:
    """Raise DataError unless ``labels`` [n] are 0 (real) and 1 (fake), and both are there."""
    truth = np.asarray(labels)
    counts = [int(np.count_nonzero(truth == label)) for label in (0, 1)]
    if sum(counts) != len(truth):
        raise DataError("A label is neither 0 (real) nor 1 (fake).", where=where)
    if not min(counts):
        lacking = (
            "There is no video" if not max(counts) else f"All {max(counts):,} videos are {LABEL_NAMES[counts[1] > 0]}"
        )
        raise DataError(
            f"{lacking}: shortcuts are what tells real from fake.",
            where=where,
            next_step="Audit a corpus, or a split of it, that has both.",
        )


def _varying_numbers(numbers: Mapping[str, ArrayLike], labels: Ints) -> tuple[dict[str, Floats], list[str], list[str]]:
    """The properties that can be judged, those that are the same for all, and those known of too few videos."""
    varying, constant, unknown = {}, [], []
    for name, values in numbers.items():
        column = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(column)
        if min(np.count_nonzero(known & (labels == label)) for label in (0, 1)) < _FEWEST:
            unknown.append(name)
        elif np.ptp(column[known]) == 0:
            constant.append(name)
        else:
            varying[name] = column
    return varying, constant, unknown
