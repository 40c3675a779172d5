"""Batches across files, the iterator that runs ahead, the trial, and what pictures look like."""

import threading
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError
from zoo.inference.ahead import run_ahead
from zoo.inference.batches import CropBatches
from zoo.inference.inputs import find_inputs
from zoo.inference.kinds_of_pictures import look_like_crops
from zoo.inference.trial import Trial, in_words, spread_first


class Reading:
    """A backend whose logit is a crop's first pixel; notes the sizes of batches."""

    def __init__(self):
        self.sizes = []

    def __call__(self, images):
        self.sizes.append(tuple(images.shape))
        return images[:, 0, 0, 0].float()


def crops(*values):
    return np.array(values, np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)


def test_batches_are_filled_across_files_and_logits_return_to_their_own():
    backend = Reading()
    batches = CropBatches(backend, batch_size=4, image_size=2)
    assert list(batches.add("a", crops(1, 2, 3))) == []
    assert list(batches.add("b", crops(*range(10, 16)))) == [("a", [1, 2, 3])]
    assert list(batches.add("c", crops(7))) == []
    assert list(batches.flush()) == [("b", [10, 11, 12, 13, 14, 15]), ("c", [7])]
    assert backend.sizes == [(4, 3, 2, 2)] * 3
    assert list(batches.flush()) == []


def test_running_ahead_keeps_order_and_makes_no_more_than_asked():
    made = []

    def items():
        for n in range(20):
            made.append(n)
            yield n

    with closing(run_ahead(items(), most=3)) as ahead:
        assert next(ahead) == 0
        threading.Event().wait(0.2)
        assert len(made) <= 6
        assert list(ahead) == list(range(1, 20))


def test_running_ahead_passes_errors_on_and_closes():
    closed = threading.Event()

    def items():
        try:
            yield 1
            raise DataError("broken")
        finally:
            closed.set()

    with closing(run_ahead(items(), most=2)) as ahead:
        assert next(ahead) == 1
        with pytest.raises(DataError, match="broken"):
            next(ahead)
    assert closed.wait(2)
    closed.clear()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    ahead = run_ahead(endless(), most=2)
    next(ahead)
    ahead.close()
    assert closed.wait(2)


def test_a_trial_extrapolates_from_the_first_crops_on():
    now = [100.0]
    trial = Trial(7200, clock=lambda: now[0])
    assert trial.scored() is None  # failed before any crop came
    trial.cut()
    for _ in range(8):
        now[0] += 0.5
        trial.cut()
        words = trial.scored()
    assert words == "trial: 9 files in 4.0 s; 7,200 files in 53 min (2.2 files/s)"
    now[0] += 10
    assert trial.scored() is None


def test_a_slow_trial_ends_after_a_minute_with_what_it_has():
    now = [0.0]
    trial = Trial(1000, clock=lambda: now[0])
    trial.cut()
    now[0] = 59.0
    assert trial.scored() is None
    now[0] = 120.0
    assert trial.scored() == "trial: 2 files in 120.0 s; 1,000 files in 16.7 h (0.017 files/s)"
    assert in_words(119) == "119 s"


def test_a_trial_is_spread_over_all_files():
    items = list(range(1000))
    ordered = spread_first(items)
    assert sorted(ordered) == items and ordered != items
    assert min(ordered[:64]) < 50 and max(ordered[:64]) > 950
    assert spread_first(items[:60]) == items[:60]
    assert spread_first([]) == []


@pytest.mark.parametrize(
    ("sizes", "crops"),
    [
        ([(224, 224)] * 3, True),
        ([(224, 224), (256, 210), (1920, 1080)], True),
        ([(1920, 1080), (640, 360)], False),
        ([(1000, 1000)], False),
        ([], False),
    ],
)
def test_small_square_pictures_look_like_crops(sizes, crops, tmp_path):
    for n, size in enumerate(sizes):
        Image.new("RGB", size).save(tmp_path / f"{n}.png")
    (tmp_path / "broken.jpg").write_bytes(b"x")
    assert look_like_crops(find_inputs(tmp_path).files) is crops
