"""Chains of sightings put together into people, and the choice among them."""

import time

import numpy as np
import pytest
from stub_faces import BLUE, GREEN, RED, SquareDetector, scene

from zoo.errors import ConfigError
from zoo.faces.appearance import describe_faces, likeness
from zoo.faces.people import RULES, check_rule, choose_people, find_people
from zoo.faces.track import link_detections


def seen(frames, *, step_s=0.2, max_gap_s=1.0):
    """The people of ``frames``, and what was found in each."""
    found = SquareDetector().detect(np.stack(frames))
    looks = [describe_faces(frame, one.boxes) for frame, one in zip(frames, found, strict=True)]
    times = np.arange(len(frames)) * step_s
    return find_people(link_detections(times, found, looks=looks, max_gap_s=max_gap_s), looks), found


def lefts(person):
    return [round(float(box[0])) for box in person.boxes]


def pictures(person):
    return [picture for picture, _ in person.places]


def test_descriptions_of_equal_cuts_are_alike_and_of_others_are_not():
    frame = scene((10, 10, 30, RED), (70, 40, 30, GREEN))
    looks = describe_faces(frame, np.array([[10, 10, 40, 40], [70, 40, 100, 70], [10, 10, 40, 40]], np.float32))
    alike = likeness(looks, looks)
    assert looks.shape == (3, 128)
    assert alike[0, 2] == pytest.approx(1, abs=1e-5)
    assert alike[0, 1] < 0.75
    assert describe_faces(frame, np.zeros((0, 4), np.float32)).shape == (0, 128)


@pytest.mark.parametrize("box", [(-50, -50, -20, -20), (5, 5, 5, 5), (-1e4, -1e4, 1e4, 1e4), (0, 0, 128, 96)])
def test_boxes_of_any_kind_are_described(box):
    looks = describe_faces(scene((10, 10, 30, RED)), np.array([box], np.float32))
    assert np.isfinite(looks).all()


def test_two_people_crossing_keep_their_looks():
    frames = [scene((5 + 8 * k, 10, 30, RED), (90 - 8 * k, 42, 30, BLUE)) for k in range(11)]
    people, _ = seen(frames)
    assert len(people) == 2
    ways = {tuple(np.sign(np.diff(lefts(person)))) for person in people}
    assert ways == {(1,) * 10, (-1,) * 10}
    assert all(pictures(person) == list(range(11)) for person in people)


def test_people_who_swap_places_in_a_cut_are_told_apart_by_their_looks():
    one, other = [(10, 30, 32, RED), (80, 30, 30, BLUE)], [(10, 30, 30, BLUE), (80, 30, 32, RED)]
    people, _ = seen([scene(*one)] * 5 + [scene()] * 8 + [scene(*other)] * 5)
    assert [set(lefts(person)) for person in people] == [{10, 80}, {10, 80}]
    assert lefts(people[0]) == [10] * 5 + [80] * 5  # the larger one is the first


def test_a_cut_to_somebody_else_and_back_is_two_people():
    a, b = scene((20, 20, 44, RED)), scene((70, 30, 40, GREEN))
    people, _ = seen([a] * 8 + [b] * 8 + [a] * 8, max_gap_s=0.5)
    assert [pictures(person) for person in people] == [[*range(8), *range(16, 24)], list(range(8, 16))]


def test_people_who_look_alike_and_are_seen_together_are_two():
    people, _ = seen([scene((5, 20, 30, RED), (80, 20, 28, RED))] * 4)
    assert [set(lefts(person)) for person in people] == [{5}, {80}]


def test_largest_is_large_for_long_not_for_a_moment():
    frames = [scene((5, 5, 24, RED))] * 18 + [scene((5, 5, 24, RED), (60, 20, 60, GREEN))]
    people, _ = seen(frames)
    (chosen,) = choose_people(people, "largest", pictures=len(frames))
    assert set(lefts(chosen)) == {5}


def test_all_leaves_out_who_is_hardly_seen_but_never_everybody():
    frames = [scene((5, 5, 30, RED), (60, 20, 30, BLUE))] * 20 + [scene((20, 60, 20, GREEN))]
    people, _ = seen(frames)
    assert [len(person.places) for person in choose_people(people, "all", pictures=21)] == [20, 20]
    rare, _ = seen([scene()] * 30 + [scene((5, 5, 30, RED))])
    assert len(choose_people(rare, "all", pictures=31)) == 1
    assert choose_people([], "all", pictures=10) == []


def test_the_mask_decides_who_was_manipulated():
    frames = [scene((5, 5, 40, RED), (80, 40, 30, BLUE))] * 4
    people, _ = seen(frames)
    mask = np.zeros(frames[0].shape[:2], np.float32)
    mask[45:65, 85:105] = 1
    (chosen,) = choose_people(people, "manipulated", pictures=4, masks=[(picture, mask) for picture in range(4)])
    assert set(lefts(chosen)) == {80}
    (chosen,) = choose_people(people, "manipulated", pictures=4, masks=[(picture, mask * 0) for picture in range(4)])
    assert set(lefts(chosen)) == {5}
    (chosen,) = choose_people(people, "manipulated", pictures=4)
    assert set(lefts(chosen)) == {5}


def test_unknown_rules_are_refused_with_a_hint():
    with pytest.raises(ConfigError, match="Did you mean 'largest'"):
        check_rule("largst")
    assert all(check_rule(rule) == rule for rule in RULES)


def test_crowds_that_flicker_are_sorted_out_in_seconds():
    """Forty faces that are found in every other picture are thousands of chains."""
    rng = np.random.default_rng(0)
    size = (140, 200)
    crowds = [
        [(24 * (n % 8) + rng.integers(0, 8), 24 * (n // 8) + rng.integers(0, 8), 12, RED) for n in range(40)]
        for _ in range(60)
    ]
    frames = [frame for crowd in crowds for frame in (scene(*crowd, size=size), scene(size=size))]
    began = time.process_time()
    people, found = seen(frames, max_gap_s=0.3)
    assert sum(map(len, found)) == sum(len(person.places) for person in people) == 2400
    assert 40 <= len(people) < 120
    assert time.process_time() - began < 10
