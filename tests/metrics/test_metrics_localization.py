"""Figures of localization: hand-worked cases, invariances, and agreement with the plain way."""

import math
import random

import numpy as np
import pytest
import slow_localization
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import ConfigError, DataError
from zoo.metrics.localization import AR_AT, GRID, frame_figures, localization
from zoo.metrics.overlaps import Spans, first_come

NONE = Spans.of([], [], [])


def proposals_of(videos):
    """Spans of a list of videos, each a list of (start, end, score)."""
    rows = [(number, *row) for number, video in enumerate(videos) for row in video]
    return Spans.of(*zip(*rows, strict=True)) if rows else NONE


def truths_of(videos):
    return proposals_of([[(*row, 1.0) for row in video] for video in videos])


def figures(proposals, truths, **options):
    return localization(proposals_of(proposals), truths_of(truths), **options)


def test_one_perfect_segment():
    corrected = figures([[(1.0, 2.0, 0.9)]], [[(1.0, 2.0)]])
    assert set(corrected.ap.values()) == {1.0} and corrected.mean_ap == 1.0
    assert corrected.ar == dict.fromkeys(AR_AT, 1.0)
    reference = figures([[(1.0, 2.0, 0.9)]], [[(1.0, 2.0)]], mode="reference")
    assert set(reference.ap.values()) == {0.0}
    assert reference.ar == dict.fromkeys(AR_AT, 1.0)


def test_fifty_perfect_segments():
    videos = [[(k, k + 1.5, 0.5 + k / 200)] for k in range(50)]
    truths = [[row[:2] for row in video] for video in videos]
    assert figures(videos, truths).mean_ap == 1.0
    assert figures(videos, truths, mode="reference").mean_ap == pytest.approx(0.98)


def test_a_worked_case():
    # ranks: hit (tIoU 0.8), false, hit (tIoU 1), false; one truth of three is never found
    proposals = [[(0.0, 0.8, 0.9), (5.0, 6.0, 0.8), (2.0, 3.0, 0.7)], [(0.0, 1.0, 0.6)]]
    truths = [[(0.0, 1.0), (2.0, 3.0)], [(4.0, 5.0)]]
    corrected = figures(proposals, truths)
    assert corrected.ap[0.5] == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert corrected.ap[0.8] == corrected.ap[0.5]  # a tIoU of just the threshold is enough
    assert corrected.ap[0.85] == corrected.ap[0.95] == pytest.approx((1 / 3) / 3)
    assert corrected.ar[5] == pytest.approx((7 * 2 + 3 * 1) / 10 / 3)
    reference = figures(proposals, truths, mode="reference")
    assert reference.ap[0.75] == pytest.approx((2 / 3) / 3)  # the first hit is left out
    assert reference.ap[0.8] == reference.ap[0.95] == pytest.approx((1 / 3) / 3)  # more than 0.8 is asked for


def test_recall_counts_the_best_of_each_video():
    proposals = [[(9.0, 10.0, 0.9)] * 5 + [(0.0, 1.0, 0.1)]]
    found = figures(proposals, [[(0.0, 1.0)]])
    assert found.ar[5] == 0.0 and found.ar[10] == found.ar[100] == 1.0


def test_a_truth_is_found_once_and_a_proposal_finds_one():
    twice = figures([[(0.0, 1.0, 0.9), (0.0, 1.0, 0.8)]], [[(0.0, 1.0)]])
    assert twice.ap[0.5] == 1.0  # the second is false, but comes after all is found
    first_false = figures([[(0.0, 0.9, 0.9), (0.0, 1.0, 0.8)]], [[(0.0, 1.0)]])
    assert first_false.ap[0.9] == 1.0 and first_false.ap[0.95] == 0.5
    both = figures([[(0.0, 2.0, 0.9)]], [[(0.0, 1.0), (1.0, 2.0)]])
    assert both.ap[0.5] == 0.5


def test_a_proposal_takes_the_truth_that_it_overlaps_most():
    # the better one fits the second truth best, which leaves the first to the other
    proposals, truths = [[(1.5, 11.5, 0.9), (0.0, 8.0, 0.8)]], [[(0.0, 10.0), (2.0, 12.0)]]
    assert figures(proposals, truths).ap[0.7] == 1.0


def test_interpolation_lifts_early_misses_in_reference_only():
    videos = [[(9.0, 9.5, 0.9)], [(0.0, 1.0, 0.8)], [(0.0, 1.0, 0.7)]]
    truths = [[], [(0.0, 1.0)], [(0.0, 1.0)]]
    assert figures(videos, truths).ap[0.5] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert figures(videos, truths, mode="reference").ap[0.5] == pytest.approx(2 / 3)


def test_false_segments_in_a_genuine_video_cost_precision():
    alone = figures([[], [(0.0, 1.0, 0.5)]], [[], [(0.0, 1.0)]])
    beside = figures([[(3.0, 4.0, 0.9)], [(0.0, 1.0, 0.5)]], [[], [(0.0, 1.0)]])
    assert (alone.ap[0.5], beside.ap[0.5]) == (1.0, 0.5)


def test_a_video_without_proposals_is_missed_except_in_reference():
    proposals, truths = [[(0.0, 1.0, 0.9)], []], [[(0.0, 1.0)], [(0.0, 1.0)]]
    assert figures(proposals, truths).ar[100] == 0.5
    assert figures(proposals, truths, mode="reference").ar[100] == 1.0


def test_nothing_proposed_and_nothing_to_find():
    for mode in ("corrected", "reference"):
        silent = figures([[]], [[(0.0, 1.0)]], mode=mode)
        assert set(silent.ap.values()) == set(silent.ar.values()) == {0.0}
        for proposals in ([[]], [[(0.0, 1.0, 0.9)]]):
            genuine = figures(proposals, [[]], mode=mode)
            assert all(map(math.isnan, [*genuine.ap.values(), *genuine.ar.values(), genuine.mean_ap]))
            assert (genuine.proposals, genuine.truths) == (len(proposals[0]), 0)


def test_equal_scores_are_one_step_whatever_their_order():
    rows = [[(0.0, 1.0, 0.5)], [(8.0, 9.0, 0.5)], [(0.0, 1.0, 0.5)]]
    truths = [[(0.0, 1.0)], [], [(0.0, 1.0)]]
    values = set()
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0)):
        values.add(figures([rows[k] for k in order], [truths[k] for k in order]).ap[0.5])
    assert values == {2 / 3}


def test_equal_scores_in_reference_go_by_row():
    rows, truths = [[(8.0, 9.0, 0.5)], [(0.0, 1.0, 0.5)]], [[], [(0.0, 1.0)]]
    assert figures(rows, truths, mode="reference").ap[0.5] == 0.5
    assert figures(rows[::-1], truths[::-1], mode="reference").ap[0.5] == 0.0


def random_case(rng):
    """A few videos on a grid of quarter seconds, with ties in scores, in times and in overlaps."""
    videos = rng.randint(1, 5)
    steps = rng.choice([4, 20])
    proposals, truths = [], []
    for _ in range(videos):
        true = []
        for _ in range(rng.randint(0, 3)):
            start = rng.randint(0, 12)
            true.append((start / 4, (start + rng.randint(1, 8)) / 4))
        mine = []
        for _ in range(rng.randint(0, 8)):
            if true and rng.random() < 0.7:
                start, end = (round(4 * edge) + rng.randint(-1, 1) for edge in rng.choice(true))
            else:
                start = rng.randint(0, 12)
                end = start + rng.randint(1, 8)
            mine.append((start / 4, max(end, start + 1) / 4, rng.randint(0, steps) / steps))
        proposals.append(mine)
        truths.append(sorted(true))
    if not any(truths):
        truths[0].append((0.0, 1.0))
    return proposals, truths


@pytest.mark.parametrize("mode", ["corrected", "reference"])
def test_agrees_with_the_plain_way_on_a_thousand_cases(mode):
    rng = random.Random(7)
    different = set()
    for _ in range(1000):
        proposals, truths = random_case(rng)
        ap, ar = getattr(slow_localization, mode)(proposals, truths, [1, 2, 5, 100])
        ours = figures(proposals, truths, mode=mode, recall_at=[1, 2, 5, 100])
        assert ours.ap == pytest.approx(ap, abs=1e-12)
        assert ours.ar == pytest.approx(ar, abs=1e-12)
        different.add(round(ours.ap[0.5], 6))
    assert len(different) > 100


cases = st.integers(0, 2**31).map(lambda seed: random_case(random.Random(seed)))


def same(a, b):
    return a.ap == pytest.approx(b.ap, abs=1e-12) and a.ar == pytest.approx(b.ar, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(case=cases, power=st.sampled_from([0.25, 1 / 2, 3.0]), mode=st.sampled_from(["corrected", "reference"]))
def test_a_monotone_map_of_scores_changes_nothing(case, power, mode):
    proposals, truths = case
    mapped = [[(start, end, score**power) for start, end, score in video] for video in proposals]
    assert same(figures(proposals, truths, mode=mode), figures(mapped, truths, mode=mode))


@settings(max_examples=40, deadline=None)
@given(case=cases, seed=st.integers(0, 1000))
def test_the_order_of_videos_and_rows_changes_nothing(case, seed):
    proposals, truths = case
    rng = random.Random(seed)
    order = list(range(len(truths)))
    rng.shuffle(order)
    shuffled = [rng.sample(proposals[k], len(proposals[k])) for k in order]
    assert same(figures(proposals, truths), figures(shuffled, [truths[k] for k in order]))


@settings(max_examples=40, deadline=None)
@given(case=cases, shift=st.integers(-40, 400), mode=st.sampled_from(["corrected", "reference"]))
def test_a_shift_of_time_changes_nothing(case, shift, mode):
    proposals, truths = case
    moved = [[(start + shift / 4, end + shift / 4, score) for start, end, score in video] for video in proposals]
    moved_truths = [[(start + shift / 4, end + shift / 4) for start, end in video] for video in truths]
    assert same(figures(proposals, truths, mode=mode), figures(moved, moved_truths, mode=mode))


@settings(max_examples=40, deadline=None)
@given(case=cases, scale=st.sampled_from([0.04, 1 / 3, 7.3, 1000.0]))
def test_a_scale_of_time_changes_nothing(case, scale):
    proposals, truths = case
    larger = [[(start * scale, end * scale, score) for start, end, score in video] for video in proposals]
    larger_truths = [[(start * scale, end * scale) for start, end in video] for video in truths]
    assert same(figures(proposals, truths), figures(larger, larger_truths))


@settings(max_examples=40, deadline=None)
@given(case=cases)
def test_figures_are_shares_and_fall_with_the_threshold(case):
    found = figures(*case, recall_at=[1, 5, 100])
    values = [found.ap[threshold] for threshold in GRID]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert 0.0 <= found.ar[1] <= found.ar[5] <= found.ar[100] <= 1.0


def test_taking_turns():
    rng = np.random.default_rng(0)
    for _ in range(300):
        chooser, option = np.unique(rng.integers(0, 8, (30, 2)), axis=0).T
        order = np.lexsort((rng.random(len(chooser)), chooser))
        chooser, option = chooser[order], option[order]
        taken, done, expected = set(), set(), []
        for k, (who, what) in enumerate(zip(chooser.tolist(), option.tolist(), strict=True)):
            if who not in done and what not in taken:
                done.add(who)
                taken.add(what)
                expected.append(k)
        assert first_come(chooser, option).tolist() == expected
    assert first_come(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []


def test_joined_spans():
    spans = Spans.of([1, 0, 0, 0, 0, 1], [0, 5, 0, 1, 2, 2.5], [3, 6, 4, 2, 5, 4], [0.1, 0.2, 0.3, 0.9, 0.4, 0.5])
    joined = spans.joined()
    assert joined.video.tolist() == [0, 0, 1]
    assert joined.start_s.tolist() == [0, 5, 0]
    assert joined.end_s.tolist() == [5, 6, 4]
    assert joined.score.tolist() == [0.9, 0.2, 0.5]
    assert len(NONE.joined()) == 0


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (([0], [2.0], [1.0]), "do not end after they start; the first is 2.0 to 1.0"),
        (([0], [1.0], [1.0]), "do not end after they start"),
        (([0], [0.0], [math.inf]), "do not end after they start"),
        (([0], [math.nan], [1.0]), "do not end after they start"),
        (([0], [0.0], [1.0], [1.5]), r"score outside \[0, 1\]; the first is 1.5"),
        (([0], [0.0], [1.0], [math.nan]), "score outside"),
        (([-1], [0.0], [1.0]), "belongs to video -1"),
        (([0, 1], [0.0], [1.0]), "differ in length"),
    ],
)
def test_segments_that_are_none(columns, told):
    with pytest.raises(DataError, match=told):
        Spans.of(*columns)


def test_wrong_options():
    with pytest.raises(ConfigError, match="Unknown mode 'paper'"):
        localization(NONE, NONE, mode="paper")
    with pytest.raises(ConfigError, match="of 0 proposals"):
        localization(NONE, NONE, recall_at=[0, 5])


def test_figures_of_frames():
    found = frame_figures([0.1, 0.6, 0.7, 0.2, 0.9], [0, 0, 1, 1, 1])
    assert found.auc == pytest.approx(5 / 6)
    assert (found.precision, found.recall, found.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (found.n, found.n_fake) == (5, 3)
    genuine = frame_figures([0.1, 0.2], [0, 0])
    assert all(map(math.isnan, (genuine.auc, genuine.f1, genuine.precision, genuine.recall)))
    assert frame_figures([0.1, 0.2], [0, 1]).f1 == 0.0
