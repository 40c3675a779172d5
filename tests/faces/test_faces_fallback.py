import numpy as np
import pytest

from zoo.errors import ConfigError, MissingDependency
from zoo.faces.detections import Detections
from zoo.faces.fallback import FallbackDetector


class First:
    """Finds one face, with ``score``, in frames whose first pixel is among ``seen``."""

    def __init__(self, seen, score=0.9):
        self.seen = seen
        self.score = np.float32(score)
        self.asked = []

    def detect(self, frames):
        numbers = frames[:, 0, 0, 0].tolist()
        self.asked.append(numbers)
        face = Detections(np.array([[1, 1, 9, 9]], np.float32), self.score[None], np.zeros((1, 5, 2), np.float32))
        return [face if number in self.seen else Detections.none() for number in numbers]

    def fingerprint(self):
        return f"{sorted(self.seen)}"


class Second(First):
    pass


class NearOnly(First):
    def detect_near(self, frames, boxes):
        self.around = boxes
        return self.detect(frames)


class Absent:
    def detect(self, frames):
        raise MissingDependency("absent is not installed.")

    def fingerprint(self):
        raise MissingDependency("absent is not installed.")


def numbered(count):
    frames = np.zeros((count, 64, 64, 3), np.uint8)
    frames[:] = np.arange(count)[:, None, None, None]
    return frames


def test_the_next_is_asked_only_where_nothing_was_found_and_the_one_that_answered_is_named():
    first, second = First({0, 3}), Second({1, 3})
    found = FallbackDetector(detectors=[first, second]).detect(numbered(4))
    assert [one.sources for one in found] == [("First",), ("Second",), (), ("First",)]
    assert (first.asked, second.asked) == ([[0, 1, 2, 3]], [[1, 2]])


def test_the_next_is_not_asked_when_all_is_found():
    chain = FallbackDetector(detectors=[First({0, 1}), Absent()])
    assert [len(one) for one in chain.detect(numbered(2))] == [1, 1]
    assert chain.detect(numbered(0)) == []


@pytest.mark.parametrize("detectors", [[Absent(), First({0})], [First({}), Absent()]])
def test_a_detector_that_cannot_be_loaded_is_an_error_and_not_passed_over(detectors):
    chain = FallbackDetector(detectors=detectors)
    with pytest.raises(MissingDependency):
        chain.detect(numbered(1))
    with pytest.raises(MissingDependency):
        chain.fingerprint()


def test_faces_below_the_least_score_do_not_count():
    chain = FallbackDetector(detectors=[First({0, 1}, score=0.3), Second({1}, score=0.8)], min_score=0.5)
    assert [one.sources for one in chain.detect(numbered(2))] == [(), ("Second",)]


def test_detectors_of_one_class_are_numbered_and_chains_within_chains_name_the_innermost():
    inner = FallbackDetector(detectors=[First({0}), First({1})])
    found = FallbackDetector(detectors=[inner, Second({2})]).detect(numbered(3))
    assert [one.sources for one in found] == [("First 1",), ("First 2",), ("Second",)]


def test_near_searches_use_a_detector_own_where_it_has_one():
    near, plain = NearOnly({0}), Second({0, 1})
    boxes = [np.array([20, 20, 40, 40]), np.array([21, 20, 41, 40])]
    found = FallbackDetector(detectors=[near, plain]).detect_near(numbered(2), boxes)
    assert [one.sources for one in found] == [("NearOnly",), ("Second",)]
    assert near.around[1] is boxes[1]
    assert found[1].boxes[0, 0] != 1  # found in a cut, told in pixels of the frame


def test_the_fingerprint_follows_members_order_and_score():
    one, two = First({0}), Second({1})
    chains = [{"detectors": [one, two]}, {"detectors": [two, one]}, {"detectors": [one]}]
    chains.append({"detectors": [one, two], "min_score": 0.1})
    assert len({FallbackDetector(**arguments).fingerprint() for arguments in chains}) == 4


def test_a_chain_of_nothing_is_refused():
    with pytest.raises(ConfigError):
        FallbackDetector(detectors=[])
