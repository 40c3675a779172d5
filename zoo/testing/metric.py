"""What a metric promises: figures of samples, whatever their order, their batches and their number of copies."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from zoo.structures import ForgerySample, Segment
from zoo.testing.case import Case, Check, expect
from zoo.testing.component import keep_promises

_SAMPLES: Final = 48


def check_metric(component: str | type, config: Mapping[str, Any] | None = None) -> None:
    """The contract of a metric: ``process`` takes batches, ``evaluate(size)`` gives figures by name.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="metric", component=component, config=config or {})
    keep_promises(case, CHECKS)


def judged_samples() -> list[ForgerySample]:
    """Samples of 24 videos, two corpora and three methods, with logits that tell real from fake fairly well.

    Each lasts a second, of which fakes are fake for 0.3 s, and has four frame logits and one proposed segment.
    """
    random = np.random.default_rng(7)
    found = []
    for number in range(_SAMPLES):
        video, label = number // 2, (number // 2) % 2
        method = ("real", ("swap", "lips")[(video // 2) % 2])[label]
        start = float(number % 2)
        found.append(
            ForgerySample(
                sample_id=f"c{video % 3 % 2}/{method}/v{video}#{number % 2}",
                video_id=f"c{video % 3 % 2}/{method}/v{video}",
                corpus=f"c{video % 3 % 2}",
                method=method,
                label=label,
                start_s=start,
                end_s=start + 1.0,
                fake_logit=float(random.normal(2.0 * label - 1.0, 1.5)),
                frame_logits=random.normal(2.0 * label - 1.0, 1.5, size=4).tolist(),
                segments=[Segment(start + 0.2, start + 0.2 + random.uniform(0.1, 0.4), random.uniform(0.1, 0.9))],
                fake_segments=(Segment(start + 0.2, start + 0.5),) * label,
            )
        )
    return found


def figures_of(case: Case, samples: Sequence[ForgerySample], *, batch: int = 5) -> dict[str, float]:
    """What a new instance says of ``samples``, given in batches."""
    metric = case.make()
    for start in range(0, len(samples), batch):
        metric.process(None, copy.deepcopy(samples[start : start + batch]))
    return metric.evaluate(len({sample.sample_id for sample in samples}))


def figures_are_numbers(case: Case) -> None:
    """The figures are plain numbers by name, at least one of them finite."""
    figures = figures_of(case, judged_samples())
    expect(figures, "there are none")
    expect(all(isinstance(name, str) for name in figures), "a name is no string")
    loose = [name for name, value in figures.items() if not isinstance(value, int | float)]
    expect(not loose, f"no plain numbers: {', '.join(loose)}")
    expect(any(math.isfinite(value) for value in figures.values()), "all are NaN or infinite")


def order_and_batches_do_not_matter(case: Case) -> None:
    """The order of samples and the size of batches do not matter."""
    expected = figures_of(case, judged_samples())
    _expect_same(figures_of(case, judged_samples()[::-1], batch=7), expected, "another order gives something else")


def copies_count_once(case: Case) -> None:
    """A sample that a sampler repeats, to fill the last ranks, counts once."""
    samples = judged_samples()
    _expect_same(figures_of(case, [*samples, *samples[:9]]), figures_of(case, samples), "copies count again")


def an_evaluation_starts_from_nothing(case: Case) -> None:
    """A second evaluation of one instance knows nothing of the first."""
    metric, samples = case.make(), judged_samples()
    metric.process(None, copy.deepcopy(samples[:7]))
    metric.evaluate(7)
    metric.process(None, copy.deepcopy(samples))
    _expect_same(metric.evaluate(len(samples)), figures_of(case, samples), "it remembers the first")


def samples_without_a_score_are_no_fault(case: Case) -> None:
    """Samples that could not be judged, or have no label, are counted out and break nothing."""
    samples = judged_samples()
    unjudged = copy.deepcopy(samples[:4])
    for number, sample in enumerate(unjudged):
        sample.sample_id, sample.video_id = f"{sample.sample_id}/x", f"{sample.video_id}/x"
        sample.frame_logits = sample.segments = sample.fake_segments = None
        if number % 2:
            sample.label = None
        else:
            sample.fake_logit, sample.status = None, "no_face"
    _expect_same(figures_of(case, [*samples, *unjudged]), figures_of(case, samples), "they change the figures")


def one_class_alone_is_no_fault(case: Case) -> None:
    """With one class alone, or nothing at all that could be judged, figures are NaN or numbers, and no error."""
    for label in (0, 1):
        figures_of(case, [sample for sample in judged_samples() if sample.label == label])
    lost = judged_samples()
    for sample in lost:
        sample.fake_logit, sample.status = None, "decode_error"
    figures_of(case, lost)


def _expect_same(found: Mapping[str, float], wanted: Mapping[str, float], what: str) -> None:
    expect(found.keys() == wanted.keys(), f"{what}: {sorted(found.keys() ^ wanted.keys())}")
    for name, value in wanted.items():
        same = math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-12)
        expect(same or (math.isnan(found[name]) and math.isnan(value)), f"{what}: {name} {found[name]}, not {value}")


CHECKS: Final[tuple[Check, ...]] = (
    figures_are_numbers,
    order_and_batches_do_not_matter,
    copies_count_once,
    an_evaluation_starts_from_nothing,
    samples_without_a_score_are_no_fault,
    one_class_alone_is_no_fault,
)
