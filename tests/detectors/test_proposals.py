"""Proposals: soft-NMS against a slow one, boundaries between frames, and perfect outputs that give the truth back."""

import math

import numpy as np
import pytest

from zoo.detectors.proposals import ProposalDecoder, draw_to_boundaries, soft_nms
from zoo.errors import ConfigError


def slow_soft_nms(segments, scores, *, sigma, min_score, most):
    left = {i: float(score) for i, score in enumerate(scores) if score >= min_score}
    result = []
    while left and len(result) < most:
        best = max(left, key=lambda i: (left[i], -i))
        result.append((best, left.pop(best)))
        for i in list(left):
            (a, b), (c, d) = segments[i], segments[best]
            overlap = max(min(b, d) - max(a, c), 0.0)
            iou = overlap / max((b - a) + (d - c) - overlap, 1e-12)
            left[i] *= math.exp(-(iou**2) / sigma)
            if left[i] < min_score:
                del left[i]
    return result


@pytest.mark.parametrize("seed", range(20))
def test_soft_nms_agrees_with_a_slow_one(seed):
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 10, 30)
    segments = np.stack((starts, starts + rng.uniform(0.1, 4, 30)), axis=1)
    scores = np.round(rng.random(30), 2)  # with ties
    arguments = {"sigma": float(rng.uniform(0.05, 1)), "min_score": 0.05, "most": 12}
    order, kept = soft_nms(segments, scores, **arguments)
    expected = slow_soft_nms(segments, scores, **arguments)
    assert order.tolist() == [index for index, _ in expected]
    np.testing.assert_allclose(kept, [score for _, score in expected])
    assert (np.diff(kept) <= 0).all()


def test_soft_nms_by_hand():
    order, kept = soft_nms(np.array([[0, 2], [1, 3], [5, 6]]), np.array([0.9, 0.8, 0.5]), sigma=0.5)
    assert order.tolist() == [0, 1, 2]
    np.testing.assert_allclose(kept, [0.9, 0.8 * math.exp(-((1 / 3) ** 2) / 0.5), 0.5])
    assert soft_nms(np.zeros((0, 2)), np.zeros(0))[0].shape == (0,)


@pytest.mark.parametrize("place", [10.0, 10.25, 10.5, 10.9, 0.0, 19.0])
def test_a_boundary_between_two_frames_is_read_from_both(place):
    boundary = np.clip(1 - np.abs(np.arange(20) - place), 0, 1)
    found, surety = draw_to_boundaries(np.array([place + 1.4, place - 1.7]), boundary, reach=3, least=0.1)
    np.testing.assert_allclose(found, [place, place], atol=1e-9)
    np.testing.assert_allclose(surety, [1, 1])


def test_a_place_without_a_boundary_nearby_stays():
    boundary = np.zeros(20)
    boundary[10] = 1.0
    found, surety = draw_to_boundaries(np.array([3.3, 9.0, 100.0]), boundary, reach=3, least=0.1)
    assert found.tolist() == [3.3, 10.0, 100.0]
    assert surety[0] == 0 and surety[1] == 1
    assert draw_to_boundaries(np.array([9.0]), boundary, reach=0, least=0.1)[0].tolist() == [9.0]


def perfect(segments, frames):
    """What a head says that knows ``segments``."""
    number = np.arange(frames, dtype=float)
    told = {name: np.zeros(frames) for name in ("confidence", "start", "end")} | {"distances": np.ones((frames, 2))}
    for start, end in segments:
        inside = (number >= start) & (number < end)
        told["confidence"][inside] = 1.0
        told["distances"][inside] = np.stack((number - start, end - number), axis=1)[inside]
        told["start"] = np.maximum(told["start"], np.clip(1 - np.abs(number - start), 0, 1))
        told["end"] = np.maximum(told["end"], np.clip(1 - np.abs(number - end), 0, 1))
    return told


def test_perfect_outputs_give_the_true_segments():
    truth = [(3.3, 11.1), (20.0, 27.5), (40.25, 75.0)]
    places, scores = ProposalDecoder(nms_sigma=0.1)(perfect(truth, 75), np.ones(75, bool))
    assert sorted(map(tuple, places[:3].round(9).tolist())) == truth
    np.testing.assert_allclose(scores[:3], 1.0)
    assert scores[3:].max(initial=0) < 0.01


def test_perfect_boundaries_mend_rough_distances():
    told = perfect([(3.3, 11.1)], 40)
    told["distances"] += np.random.default_rng(0).uniform(-0.8, 0.8, (40, 2))
    places, _ = ProposalDecoder()(told, np.ones(40, bool))
    np.testing.assert_allclose(places[0], (3.3, 11.1))


def test_nothing_fake_is_nothing_proposed():
    places, scores = ProposalDecoder()(perfect([], 30), np.ones(30, bool))
    assert places.shape == (0, 2) and scores.shape == (0,)


def test_masked_frames_propose_nothing():
    mask = np.ones(40, bool)
    mask[3:12] = False
    places, _ = ProposalDecoder()(perfect([(3.3, 11.1), (20, 30)], 40), mask)
    assert len(places) and (places[:, 0] >= 12).all()


def test_proposals_are_within_the_clip_and_no_more_than_asked_for():
    rng = np.random.default_rng(0)
    told = {name: rng.random(50) for name in ("confidence", "start", "end")} | {"distances": 30 * rng.random((50, 2))}
    places, scores = ProposalDecoder(max_proposals=7)(told, np.ones(50, bool))
    assert places.shape == (7, 2) and (np.diff(scores) <= 0).all()
    assert places.min() >= 0 and places.max() <= 50 and (places[:, 0] < places[:, 1]).all()


def test_mistaken_numbers_are_all_named():
    with pytest.raises(ConfigError) as caught:
        ProposalDecoder(nms_sigma=0, min_score=2)
    assert "nms_sigma" in str(caught.value) and "min_score" in str(caught.value)


def test_a_proposal_can_enter_a_second_time_as_the_frame_puts_it():
    told = perfect([(3.3, 11.1)], 40)
    told["distances"] += 1.0
    once, _ = ProposalDecoder(undrawn=0)(told, np.ones(40, bool))
    twice, scores = ProposalDecoder(undrawn=0.5)(told, np.ones(40, bool))
    assert len(twice) > len(once)
    np.testing.assert_allclose(twice[0], (3.3, 11.1))
    assert any(np.allclose(place, (2.3, 12.1)) for place in twice) and not any(
        np.allclose(p, (2.3, 12.1)) for p in once
    )
    assert (np.diff(scores) <= 0).all()
