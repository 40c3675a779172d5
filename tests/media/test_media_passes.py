import numpy as np
import pytest

from zoo.media.ledger import DecodeLedger
from zoo.media.passes import PIECE_FRAMES, FramePasses


class Source:
    """Frames that carry their number; ``shapes`` gives the height and width of each."""

    def __init__(self, shapes):
        self.shapes, self.starts = shapes, 0

    def __call__(self, ledger: DecodeLedger):
        self.starts += 1
        for number, shape in enumerate(self.shapes):
            ledger.expected_frames += 1
            yield number / 10, np.full((*shape, 3), number % 256, np.uint8)
            ledger.decoded_frames += 1


def gone_through(passes):
    pieces = list(passes.pieces())
    numbers = [int(frame[0, 0, 0]) for frames, _ in pieces for frame in frames]
    times = [time for _, times in pieces for time in times]
    return pieces, numbers, times


@pytest.mark.parametrize(("kept_bytes", "starts"), [(1 << 20, 1), (0, 2)])
def test_both_passes_give_the_same_and_what_fits_is_decoded_once(kept_bytes, starts):
    source = Source([(4, 6)] * 150)
    passes = FramePasses(source, kept_bytes=kept_bytes)
    pieces, numbers, times = gone_through(passes)
    assert numbers == list(range(150))
    assert times == pytest.approx(np.arange(150) / 10)
    assert [len(frames) for frames, _ in pieces] == [PIECE_FRAMES, PIECE_FRAMES, 150 - 2 * PIECE_FRAMES]
    assert gone_through(passes)[1:] == (numbers, times)
    assert source.starts == starts
    assert passes.ledger.decoded_frames == 150 and passes.ledger.complete


def test_a_change_of_size_begins_a_new_piece():
    passes = FramePasses(Source([(4, 6)] * 3 + [(6, 4)] * 2 + [(4, 6)]), kept_bytes=1 << 20)
    assert [frames.shape for frames, _ in passes.pieces()] == [(3, 4, 6, 3), (2, 6, 4, 3), (1, 4, 6, 3)]


def test_pieces_of_large_frames_are_short(monkeypatch):
    monkeypatch.setattr("zoo.media.passes._PIECE_BYTES", 4 * 6 * 3 * 5)
    assert [len(frames) for frames, _ in FramePasses(Source([(4, 6)] * 12), kept_bytes=0).pieces()] == [5, 5, 2]
    assert [len(frames) for frames, _ in FramePasses(Source([(40, 60)] * 2), kept_bytes=0).pieces()] == [1, 1]


def test_a_pass_that_is_broken_off_keeps_nothing():
    source = Source([(4, 6)] * 100)
    passes = FramePasses(source, kept_bytes=1 << 20)
    next(passes.pieces())
    assert gone_through(passes)[1] == list(range(100))
    assert source.starts == 2 and passes.ledger.decoded_frames == 100


def test_no_frame_is_no_piece():
    assert list(FramePasses(Source([]), kept_bytes=10).pieces()) == []
