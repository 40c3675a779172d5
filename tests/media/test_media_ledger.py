import json

import pytest

from zoo.media.ledger import DecodeLedger


def test_an_untouched_file_is_complete():
    ledger = DecodeLedger(
        expected_frames=5, decoded_frames=5, audio_expected_s=1.0, audio_decoded_s=0.95, audio_slack_s=0.1
    )
    assert ledger.complete
    assert ledger.summary() == "5 of 5 frames, 0.95 of 1.00 s of sound"


@pytest.mark.parametrize(
    "fault",
    [
        {"decoded_frames": 4},
        {"damaged_frames": 1},
        {"gaps": [(0.1, 0.2)]},
        {"errors": ["Invalid data"]},
        {"audio_expected_s": 2.0, "audio_decoded_s": 1.0, "audio_slack_s": 0.1},
    ],
)
def test_any_loss_makes_it_incomplete(fault):
    ledger = DecodeLedger(**{"expected_frames": 5, "decoded_frames": 5, **fault})
    assert not ledger.complete
    assert ledger.summary() != DecodeLedger(expected_frames=5, decoded_frames=5).summary()
    assert not DecodeLedger().merged(ledger).complete


def test_errors_are_counted_but_not_hoarded():
    ledger = DecodeLedger()
    for number in range(1000):
        ledger.note(f"error {number}")
    assert len(ledger.errors) == 20 and ledger.more_errors == 980
    assert "1000 errors (first: error 0)" in ledger.summary()


def test_merging_adds_up_and_leaves_both_alone():
    pictures = DecodeLedger(expected_frames=5, decoded_frames=4, gaps=[(0.0, 0.1)])
    sound = DecodeLedger(audio_expected_s=1.0, audio_decoded_s=1.0, errors=["x"])
    both = pictures.merged(sound)
    assert (both.expected_frames, both.audio_decoded_s, both.gaps, both.errors) == (5, 1.0, [(0.0, 0.1)], ["x"])
    assert not pictures.errors and not sound.gaps


def test_as_a_plain_dict():
    values = json.loads(json.dumps(DecodeLedger(expected_frames=2, decoded_frames=1, gaps=[(0.0, 0.1)]).to_dict()))
    assert (
        values["complete"] is False and values["gaps"] == [[0.0, 0.1]] and values["summary"] == "1 of 2 frames, 1 gap"
    )
