"""The plan of a replica: what makes either stream alone useless."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from zoo.datasets.replica.plan import DIFFICULTIES, MARGIN_S, plan_clips

NAMES = sorted(DIFFICULTIES)


def planned(name: str, *, clips: int = 480, identities: int = 40, seed: int = 0):
    return plan_clips(clips=clips, identities=identities, difficulty=DIFFICULTIES[name], duration_s=3.0, seed=seed)


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_balanced_within_every_identity(name):
    counts = defaultdict(Counter)
    for clip in planned(name, clips=98, identities=9):
        counts[clip.identity][clip.category == "A"] += 1
    assert len(counts) == 9
    assert all(count[True] == count[False] for count in counts.values())
    assert sum(count.total() for count in counts.values()) == 98


@pytest.mark.parametrize("name", NAMES)
def test_the_kinds_of_fakes_take_turns(name):
    counts = Counter(clip.category for clip in planned(name))
    assert counts == {"A": 240, "B": 80, "C": 80, "D": 80}


@pytest.mark.parametrize("name", NAMES)
def test_every_reading_lies_within_its_utterance(name):
    for clip in planned(name):
        for reading in (clip.mouth, clip.sound):
            latest = max(reading.start_s, reading.start_s + reading.jump_s) + 3.0
            assert min(reading.start_s, reading.start_s + reading.jump_s) >= 0
            assert latest <= 3.0 + 2 * MARGIN_S


@pytest.mark.parametrize("name", NAMES)
def test_lips_and_sound_agree_in_genuine_clips_alone(name):
    for clip in planned(name):
        assert (clip.mouth == clip.sound) == (clip.category == "A")
        assert (clip.touched_s is None) == (clip.category == "A")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stream", ["mouth", "sound"])
def test_each_stream_alone_is_distributed_alike_in_both_classes(name, stream):
    clips = planned(name, clips=1200, identities=100)
    for quantity in ("start_s", "cut_s", "jump_s"):
        real, fake = (
            [getattr(getattr(clip, stream), quantity) for clip in clips if (clip.category == "A") == genuine]
            for genuine in (True, False)
        )
        at = np.quantile(real, [0.1, 0.3, 0.5, 0.7, 0.9])
        shares = [np.mean(np.array(values)[:, None] <= at, axis=0) for values in (real, fake)]
        assert np.abs(shares[0] - shares[1]).max() < 0.1


def test_the_offset_is_how_much_the_lips_lead():
    for clip in planned("normal") + planned("hard"):
        if clip.offset_s is None:
            continue
        middle = sum(clip.touched_s) / 2
        mouth, sound = (
            reading.start_s + (reading.jump_s if middle >= reading.cut_s else 0.0)
            for reading in (clip.mouth, clip.sound)
        )
        assert clip.mouth.utterance == clip.sound.utterance
        assert clip.offset_s == pytest.approx(mouth - sound)


def test_shifts_are_as_long_as_the_difficulty_says():
    shifted = [abs(clip.offset_s) for clip in planned("normal") if clip.offset_s is not None]
    assert 60 < len(shifted) < 180
    assert min(shifted) >= 0.4 and max(shifted) <= 1.2
    assert all(clip.offset_s is None for clip in planned("easy"))
