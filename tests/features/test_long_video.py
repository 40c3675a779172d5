"""Features window after window: those of the whole clip where it is one piece, and bounded memory where it is not."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from test_extraction import RATE, BrightSpot, pictures, sound

from zoo.errors import MediaError
from zoo.features.extractor import Extractor
from zoo.features.log_mel import LogMel
from zoo.features.long_video import ENVELOPE_S, LongVideo, pieces_of
from zoo.features.mouth import MouthPixels
from zoo.media.encode import write_video


def extractor(**options):
    return Extractor(visual=MouthPixels(), audio=LogMel(), face_detector=BrightSpot(), **options)


def windows_of(length, *, size, step):
    starts = range(0, max(length - size, 0) + 1, step)
    return [(start, min(start + size, length)) for start in starts]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "clip.mp4"
    frames = pictures(12.0, face=lambda t: not 5 <= t < 8)
    write_video(path, frames, audio=sound(10.0), rate=RATE)
    return path


def test_a_clip_of_one_piece_has_the_features_of_the_whole(clip):
    whole = extractor().extract(clip)
    video = LongVideo(clip, extractor(kept_bytes=1 << 16))
    np.testing.assert_array_equal(video.times, whole.times)
    windows = windows_of(300, size=80, step=55)
    video.plan(windows)
    for first, stop in windows:
        got = video.read(first, stop)
        for name in ("visual", "audio", "visual_mask", "audio_mask"):
            np.testing.assert_array_equal(getattr(got, name), getattr(whole, name)[first:stop])
    assert not whole.visual_mask.all() and not whole.audio_mask.all()
    assert video.finish() == whole.ledger
    assert video.audio_status == "ok"


def test_pieces_are_standardised_by_themselves(clip):
    video = LongVideo(clip, extractor(), piece_s=4.0)
    windows = windows_of(300, size=60, step=40)
    assert pieces_of(windows, video.times, piece_s=4.0) == [(0, 140), (120, 300)]  # the rest is too short
    video.plan(windows)
    got = {first: video.read(first, stop) for first, stop in windows}
    rows = np.concatenate([got[0].visual[:40], got[40].visual[:40], got[80].visual])
    mask = np.concatenate([got[0].visual_mask[:40], got[40].visual_mask[:40], got[80].visual_mask])
    np.testing.assert_allclose(rows[mask].mean(axis=0), 0, atol=1e-4)  # the mean picture of the piece is taken away
    whole = extractor().extract(clip)
    assert (got[80].audio_mask == whole.audio_mask[80:140]).all()
    near = np.corrcoef(got[80].audio.ravel(), whole.audio[80:140].ravel())[0, 1]
    assert near > 0.95  # the same sound, in another scale
    assert not np.allclose(got[80].audio, whole.audio[80:140])


def test_the_envelope_is_that_of_all_sound(clip):
    video = LongVideo(clip, extractor())
    video.plan([(0, 300)])
    video.read(0, 300)
    video.finish()
    peaks = video.envelope()
    assert len(peaks) == pytest.approx(10.0 / ENVELOPE_S, abs=5)
    assert 0.1 < peaks.max() <= 1.0


def test_without_sound(tmp_path):
    write_video(tmp_path / "silent.mp4", pictures(2.0))
    video = LongVideo(tmp_path / "silent.mp4", extractor())
    video.plan([(0, 50)])
    got = video.read(0, 50)
    assert not got.audio_mask.any() and not got.audio.any() and got.visual_mask.all()
    assert video.finish()["audio_status"] == video.audio_status == "no_audio"
    assert len(video.envelope()) == 0


def test_without_pictures(tmp_path):
    (tmp_path / "text.mp4").write_text("no video at all")
    with pytest.raises(MediaError):
        LongVideo(tmp_path / "text.mp4", extractor())


@pytest.mark.parametrize("length", [1, 99, 100, 101, 1000])
@pytest.mark.parametrize(("size", "step"), [(100, 100), (100, 60), (10, 7)])
@pytest.mark.parametrize("piece_s", [0.0, 3.0, 1e6])
def test_pieces_hold_whole_windows(length, size, step, piece_s):
    windows = windows_of(length, size=size, step=step)
    pieces = pieces_of(windows, np.arange(length) / 25, piece_s=piece_s)
    assert pieces[0][0] == 0 and pieces[-1][1] == windows[-1][1]
    assert pieces == sorted(pieces)
    for first, stop in windows:
        assert any(begin <= first and stop <= end for begin, end in pieces)
    assert all(end - begin <= 1.5 * piece_s * 25 + 2 * size + step for begin, end in pieces)


MEMORY = """
import resource, sys
sys.path.insert(0, sys.argv[3])
from test_long_video import LongVideo, extractor, windows_of
video = LongVideo(sys.argv[1], extractor(rate_hz=25.0, kept_bytes=1 << 20), piece_s=10.0)
windows = windows_of(len(video.times), size=128, step=96)
video.plan(windows)
for first, stop in windows:
    video.read(first, stop)
video.finish()
print(len(video.times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_duration(tmp_path):
    from pathlib import Path

    peaks = {}
    for seconds in (60, 1200):
        path = tmp_path / f"{seconds}.mp4"
        minute = pictures(60.0)
        frames = (frame for _ in range(seconds // 60) for frame in minute)
        write_video(path, frames, audio=np.tile(sound(60.0), seconds // 60), rate=RATE, preset="ultrafast")
        command = [sys.executable, "-c", textwrap.dedent(MEMORY), str(path), "", str(Path(__file__).parent)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        frames_seen, peaks[seconds] = map(int, done.stdout.split())
        assert frames_seen == seconds * 25
    grown = peaks[1200] - peaks[60]
    assert grown < 110 * 1024, peaks  # kB: the track, some numbers a frame; features and sound would take 200 MB
