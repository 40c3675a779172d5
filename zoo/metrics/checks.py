"""What can be wrong with predictions, or with figures of them, each by its name: not refused, but told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.metrics.aggregation import Groups, group_rows
from zoo.metrics.isolation import SHARED, Isolation
from zoo.metrics.levels import FACE
from zoo.metrics.table import VIDEO, scored
from zoo.metrics.thresholds import FLATTERING, Threshold

_NEAR_CHANCE: Final = 0.65
_FAR_BELOW: Final = 0.15
_FEW_CLUSTERS: Final = 30
_SATURATED: Final = 0.5  # of the videos, at exactly 0 or 1
_UNEVEN: Final = 0.05  # difference between the classes' shares of samples without a score


SERIOUS: Final = frozenset(
    {
        "blind_to_method",
        "constant_scores",
        "duplicates",
        "inverted_scores",
        "leaky_split",
        "levels_mixed",
        "one_class",
        "threshold_on_test",
        "unscored_unevenly",
    }
)
"""Names of findings with which the figures do not mean what they seem to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know: its name (one word, for machines) and a sentence for people."""

    name: str
    text: str


def check_rows(table: pa.Table, videos: pa.Table) -> list[Finding]:
    """What the predictions ``table`` (one row a sample) and its ``videos`` themselves tell."""
    rows = scored(table)
    groups = group_rows(rows, VIDEO)
    return [
        *_unscored(table),
        *_methods_merged(videos),
        *_mixed_labels(rows, groups),
        *_levels_mixed(rows, groups),
        *_duplicates(rows),
        *_constant(rows, videos),
    ]


def check_figures(summary: Mapping[str, Any], *, level: str) -> list[Finding]:
    """What the figures of ``level``, with their intervals, tell."""
    return [
        *_one_class(summary, level),
        *_direction(summary, level),
        *_blind(summary["per_method"], level),
        *_caveats(summary, level),
    ]


def check_threshold(threshold: Threshold, *, level: str, aggregate: str) -> list[Finding]:
    """How the threshold relates to what is evaluated."""
    if threshold.origin == "evaluated":
        return [Finding("threshold_on_test", f"{FLATTERING}. Choose it on validation data.")]
    if threshold.origin == "default":
        text = "The threshold is the default of 0.5, chosen on nothing: figures at a threshold depend on calibration."
        return [Finding("threshold_default", text)]
    chosen = (threshold.level, threshold.aggregate)
    if threshold.origin == "validation" and chosen != (level, aggregate):
        text = f"The threshold was chosen by {chosen[0]} ({chosen[1]}) and is used by {level} ({aggregate})."
        return [Finding("threshold_of_another_level", text)]
    return []


def check_isolation(isolation: Isolation | None) -> list[Finding]:
    """What evaluated videos share with training or validation."""
    if isolation is None:
        return []
    findings = []
    if not isolation.clean:
        told = "; ".join(
            f"{count:,} evaluated videos {SHARED[kind]} training or validation "
            f"(such as {', '.join(isolation.examples[kind])})"
            for kind, count in isolation.shared.items()
            if count
        )
        findings.append(Finding("leaky_split", f"{told}. The figures flatter the detector."))
    if isolation.without_people:
        text = (
            f"Nobody is known of {isolation.without_people:,} evaluated videos, so that people shared with training "
            "were not looked for among them."
        )
        findings.append(Finding("identities_unknown", text))
    return findings


def check_clusters(*, kind: str, count: int, unknown: int = 0, all_linked: bool = False) -> list[Finding]:
    """What intervals rest on."""
    findings = []
    if count < _FEW_CLUSTERS:
        text = f"Intervals rest on {count} clusters ({kind}); below {_FEW_CLUSTERS} they are too narrow."
        findings.append(Finding("few_clusters", text))
    if kind == "video":
        text = "No identities were given: intervals take videos of one person for independent and may be too narrow."
        findings.append(Finding("clustered_by_video", text))
    if unknown:
        findings.append(Finding("groups_incomplete", f"{unknown:,} videos have no identity and count by themselves."))
    if all_linked:
        text = "More than half of the videos are linked through shared people; each counts with one person only."
        findings.append(Finding("identities_all_linked", text))
    return findings


def _unscored(table: pa.Table) -> Iterator[Finding]:
    missing = pc.not_equal(table["status"], "ok")
    count = pc.sum(missing).as_py() or 0
    if not count:
        return
    labels = table["label"].to_numpy()
    flags = missing.to_numpy()
    shares = [float(flags[labels == label].mean()) if np.any(labels == label) else 0.0 for label in (0, 1)]
    statuses = ", ".join(
        f"{item['counts']:,} {item['values']}"
        for item in sorted(pc.value_counts(table["status"]).to_pylist(), key=lambda item: item["values"])
        if item["values"] != "ok"
    )
    yield Finding("unscored_samples", f"{count:,} samples have no score and are in no figure: {statuses}.")
    if abs(shares[0] - shares[1]) > _UNEVEN:
        text = f"{shares[0]:.1%} of reals and {shares[1]:.1%} of fakes have no score: what is left is another mix."
        yield Finding("unscored_unevenly", text)


def _methods_merged(videos: pa.Table) -> Iterator[Finding]:
    groups = group_rows(videos, ("corpus", "video_id"))
    reused = int(np.count_nonzero(groups.sizes > 1))
    if reused:
        text = (
            f"{reused:,} video_ids are used by several methods. They are kept apart here; a tool that goes by video_id "
            "merges them, and hides a method that the detector does not see."
        )
        yield Finding("methods_merged", text)


def _mixed_labels(rows: pa.Table, groups: Groups) -> Iterator[Finding]:
    fakes = np.bincount(groups.of_row, weights=rows["label"].to_numpy(), minlength=len(groups))
    mixed = int(np.count_nonzero((fakes > 0) & (fakes < groups.sizes)))
    if mixed:
        text = f"{mixed:,} videos have real and fake samples; by video they are fake. A score of the whole dilutes it."
        yield Finding("mixed_labels", text)


def _levels_mixed(rows: pa.Table, groups: Groups) -> Iterator[Finding]:
    if not len(groups):
        return
    sizes = groups.sizes
    whole = pc.equal(rows["sample_id"], rows["video_id"]).to_numpy()
    beside = int(np.count_nonzero(whole & (sizes[groups.of_row] > 1)))
    if beside:
        text = f"{beside:,} rows stand for whole videos that have rows of their samples too: they count twice."
        yield Finding("levels_mixed", text)
        return
    corpora = rows["corpus"].take(pa.array(groups.first)).to_numpy(zero_copy_only=False)
    single = sorted(name for name in set(corpora) if sizes[corpora == name].max() == 1)
    several = sorted(name for name in set(corpora) if sizes[corpora == name].mean() > 2)
    if single and several:
        text = (
            f"Corpus {', '.join(single)} has one row a video, {', '.join(several)} several: by sample they mix levels."
        )
        yield Finding("levels_mixed", text)


def _duplicates(rows: pa.Table) -> Iterator[Finding]:
    timed = rows.filter(pc.is_valid(rows["start_s"]))
    if len(timed):
        keys = [*VIDEO, "start_s", "end_s", *(["track"] if "track" in timed.column_names else [])]
        faces = pc.struct_field(pc.extract_regex(timed["sample_id"], FACE), "track")
        groups = group_rows(timed.append_column("_face", faces), [*keys, "_face"])
        repeats = len(timed) - len(groups)
        if repeats:
            text = f"{repeats:,} samples repeat the video and time of another under another sample_id."
            yield Finding("duplicates", text)
    same = group_rows(rows, ("video_id", "method", "label", "score"))
    corpora = group_rows(rows, ("video_id", "method", "label", "score", "corpus"))
    if len(corpora) > len(same):
        text = f"{len(corpora) - len(same):,} samples have the video_id and score of a sample of another corpus."
        yield Finding("duplicates", text)


def _constant(rows: pa.Table, videos: pa.Table) -> Iterator[Finding]:
    scores, labels = videos["score"].to_numpy(), videos["label"].to_numpy()
    if len(scores) < 2:
        return
    if np.ptp(rows["score"].to_numpy()) == 0:
        yield Finding("constant_scores", f"All {len(rows):,} scores are {scores[0]:g}: nothing was predicted.")
        return
    for label, name in enumerate(("reals", "fakes")):
        mine = scores[labels == label]
        if len(mine) > 2 and np.ptp(mine) == 0:
            yield Finding("constant_scores", f"All {len(mine):,} {name} have the score {mine[0]:g} by video.")
    ends = float(np.mean((scores == 0) | (scores == 1)))
    if ends > _SATURATED:
        text = f"{ends:.0%} of the videos score exactly 0 or 1: they tie, and no threshold tells them apart."
        yield Finding("saturated_scores", text)


def _one_class(summary: Mapping[str, Any], level: str) -> Iterator[Finding]:
    parts = {"all": summary} | {
        f"{kind} {name or 'unnamed'}": figures
        for kind, key in (("corpus", "per_corpus"), ("method", "per_method"))
        for name, figures in summary[key].items()
    }
    for name, figures in parts.items():
        part = figures[level]
        if part["n"] and not (part["n_real"] and part["n_fake"]):
            lacking = "real" if not part["n_real"] else "fake"
            yield Finding("one_class", f"{name} has no {lacking} {level}: figures that need both are undefined.")


def _direction(summary: Mapping[str, Any], level: str) -> Iterator[Finding]:
    bounds = summary[level].get("intervals", {}).get("auc")
    if bounds is None:
        return
    low, high = bounds
    if high < 0.5:
        yield Finding(
            "inverted_scores", f"The AUC is below chance ({low:.3f} to {high:.3f}): are labels or scores flipped?"
        )
    elif low <= 0.5:
        yield Finding("no_better_than_chance", f"The AUC's interval, {low:.3f} to {high:.3f}, has 0.5 in it.")
    if low == high:
        yield Finding("degenerate_interval", f"Every replicate has an AUC of {low:g}: its interval says nothing.")


def _blind(methods: Mapping[str, Any], level: str) -> Iterator[Finding]:
    """Methods whose AUC is near chance, or surely far below the median of the others'."""
    aucs = {name: part[level]["auc"] for name, part in methods.items() if part[level]["auc"] is not None}
    for name, auc in aucs.items():
        others = [value for other, value in aucs.items() if other != name]
        if not others:
            continue
        usual = float(np.median(others))
        low, high = methods[name][level].get("intervals", {}).get("auc") or (auc, auc)
        near_chance = auc < _NEAR_CHANCE and low <= 0.5 and usual - auc > _FAR_BELOW
        if near_chance or high < usual - _FAR_BELOW:
            n = methods[name][level]["n_fake"]
            text = (
                f"{name or 'unnamed'}: AUC {auc:.3f} ({low:.3f} to {high:.3f}, {n:,} fakes) where the other methods "
                f"have {usual:.3f} in the median. A figure over all methods hides it."
            )
            yield Finding("blind_to_method", text)


def _caveats(summary: Mapping[str, Any], level: str) -> Iterator[Finding]:
    caveats: Mapping[str, str] = summary[level].get("caveats", {})
    for name, text in caveats.items():
        yield Finding("few_reals", f"{name} by {level}: {text}.")
