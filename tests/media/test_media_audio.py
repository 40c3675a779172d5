from fractions import Fraction

import av
import numpy as np
import pytest
from media_helpers import chirp, lag_of, numbered

from zoo.errors import MediaError
from zoo.media.audio import iter_audio, read_audio
from zoo.media.decode import read_frames
from zoo.media.encode import write_video
from zoo.media.limits import Limits


def write_sound(path, blocks, *, rate=16_000, codec="pcm_s16le", layout="mono"):
    """A file of sound alone; ``blocks`` are (start_s, float32 [channels, n])."""
    with av.open(str(path), "w", format="matroska") as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        for start_s, samples in blocks:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, round(start_s * rate), Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rate": 44_100},
        {"rate": 8_000},
        {"container": "matroska"},
        {"container": "mpegts"},
        {"container": "webm", "codec": "libvpx-vp9", "audio_codec": "libopus", "rate": 48_000, "preset": "good"},
        {"container": "mov", "audio_codec": "pcm_s16le"},
        {"container": "matroska", "audio_codec": "flac", "rate": 48_000},
    ],
    ids=str,
)
@pytest.mark.parametrize("start_s", [0.0, 0.7])
def test_sound_lies_where_the_pictures_say(options, start_s, tmp_path):
    sound = chirp(2.0, options.get("rate", 16_000))
    write_video(tmp_path / "clip", map(numbered, range(75)), audio=sound, audio_start_s=start_s, **options)
    audio, video = read_audio(tmp_path / "clip"), read_frames(tmp_path / "clip", count=2)
    assert audio.samples.dtype == np.float32 and audio.rate == 16_000 and audio.start_s == 0.0
    assert np.abs(audio.samples).max() <= 1.0
    first_picture = read_frames(tmp_path / "clip", times=[0.0]).times[0]
    heard_at = lag_of(audio.samples, chirp(2.0)) / 16_000
    assert heard_at - first_picture == pytest.approx(start_s, abs=0.002)
    assert audio.ledger.complete and video.ledger.complete, audio.ledger.summary()
    assert len(audio.samples) / 16_000 == pytest.approx(start_s + 2.0, abs=0.14)


def test_gaps_are_filled_with_silence_and_listed(tmp_path):
    sound = chirp(1.0)[None]
    write_sound(tmp_path / "gap.mkv", [(0.0, sound[:, :8000]), (1.25, sound[:, 8000:])])
    audio = read_audio(tmp_path / "gap.mkv")
    assert len(audio.samples) == round(1.75 * 16_000)
    np.testing.assert_allclose(audio.samples[:8000], sound[0, :8000], atol=1e-4)
    assert not audio.samples[8000:20_000].any()
    np.testing.assert_allclose(audio.samples[20_000:], sound[0, 8000:], atol=1e-4)
    assert audio.ledger.gaps == [(pytest.approx(0.5), pytest.approx(1.25))]
    assert not audio.ledger.complete


def test_channels_are_averaged(tmp_path):
    left = chirp(0.5)
    write_sound(tmp_path / "stereo.mkv", [(0.0, np.stack([left, np.zeros_like(left)]))], layout="stereo")
    np.testing.assert_allclose(read_audio(tmp_path / "stereo.mkv").samples, left / 2, atol=1e-4)


def test_resampling_keeps_level_and_length(tmp_path):
    time = np.arange(48_000) / 48_000
    write_sound(tmp_path / "tone.mkv", [(0.0, 0.5 * np.sin(2 * np.pi * 440 * time)[None])], rate=48_000)
    samples = read_audio(tmp_path / "tone.mkv").samples
    assert len(samples) == 16_000
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(samples[200:-200], expected[200:-200], atol=2e-3)


def test_samples_that_are_not_numbers_become_silence(tmp_path):
    sound = chirp(0.5)[None].copy()
    sound[0, 100:200] = np.nan
    write_sound(tmp_path / "nan.mkv", [(0.0, sound)], codec="pcm_f32le")
    audio = read_audio(tmp_path / "nan.mkv")
    assert np.isfinite(audio.samples).all() and not audio.samples[100:200].any()
    assert not audio.ledger.complete and "not finite" in audio.ledger.errors[0]


def test_video_without_sound_is_named_so(silent_clip):
    with pytest.raises(MediaError) as caught:
        read_audio(silent_clip)
    assert caught.value.status == "no_audio"


def test_a_late_start_cannot_exhaust_the_memory(tmp_path):
    write_sound(tmp_path / "late.mkv", [(0.0, chirp(0.1)[None]), (40_000.0, chirp(0.1)[None])])
    with pytest.raises(MediaError) as caught:
        read_audio(tmp_path / "late.mkv", limits=Limits(max_duration_s=3600))
    assert caught.value.status == "too_long"


def test_missing_sound_shows_in_the_ledger(clip, tmp_path):
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for packet in packets[10:14]:
        data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    (tmp_path / "hole.mp4").write_bytes(data)
    whole, broken = read_audio(clip), read_audio(tmp_path / "hole.mp4")
    assert whole.ledger.complete and not broken.ledger.complete
    assert len(broken.samples) == len(whole.samples)  # time stays in place
    assert broken.ledger.audio_expected_s == pytest.approx(whole.ledger.audio_expected_s)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("seconds", [1, 5, 23])
def test_blocks_are_the_whole_in_parts(tmp_path, rate, seconds):
    sound = chirp(seconds, rate)[None]
    blocks = [(3.0 * (second > 0) + second, sound[:, second * rate : (second + 1) * rate]) for second in range(seconds)]
    write_sound(tmp_path / "long.mkv", blocks, rate=rate)  # with a gap after the first second
    parts = list(iter_audio(tmp_path / "long.mkv"))
    whole = read_audio(tmp_path / "long.mkv")
    np.testing.assert_array_equal(np.concatenate(parts), whole.samples)
    assert len(whole.samples) == (seconds + 3 * (seconds > 1)) * 16_000
    assert max(map(len, parts)) < 9 * 16_000
    assert len(parts) > seconds / 9


def test_blocks_of_no_sound(tmp_path):
    write_video(tmp_path / "silent.mp4", map(numbered, range(5)))
    with pytest.raises(MediaError) as caught:
        list(iter_audio(tmp_path / "silent.mp4"))
    assert caught.value.status == "no_audio"
