import itertools

import av
import numpy as np
import pytest
from media_helpers import chirp, number_of, numbered, turn_mp4

from zoo.errors import MediaError
from zoo.media.decode import iter_frames, read_frames
from zoo.media.encode import write_video
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import Limits

KINDS = {
    "mp4": {},
    "mp4 10 bit": {"pixel_format": "yuv420p10le"},
    "mp4 4:4:4": {"pixel_format": "yuv444p"},
    "mkv": {"container": "matroska"},
    "mpegts": {"container": "mpegts"},
    "webm": {"container": "webm", "codec": "libvpx-vp9", "audio_codec": "libopus", "rate": 48_000, "preset": "good"},
    "vp8": {"container": "webm", "codec": "libvpx", "audio_codec": "libopus", "rate": 48_000, "preset": "good"},
    "avi": {"container": "avi", "codec": "mjpeg", "pixel_format": "yuvj420p", "audio_codec": "pcm_s16le"},
    "mov": {"container": "mov", "codec": "prores_ks", "pixel_format": "yuv422p10le", "audio_codec": "pcm_s16le"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_comes_back_at_its_time(kind, tmp_path):
    options = KINDS[kind]
    write_video(
        tmp_path / "clip", map(numbered, range(40)), gop=8, audio=chirp(1.6, options.get("rate", 16_000)), **options
    )
    video = read_frames(tmp_path / "clip")
    assert video.frames.dtype == np.uint8 and video.times.dtype == np.float64
    assert [number_of(frame) for frame in video.frames] == list(range(40))
    steps = video.times - video.times[0]
    np.testing.assert_allclose(steps, np.arange(40) / 25, atol=6e-4)  # Matroska counts milliseconds
    assert 0 <= video.times[0] < 0.1  # sound may begin before the pictures
    assert video.ledger.complete and video.ledger.expected_frames == 40


def test_iterating_gives_the_same_and_fills_a_ledger(clip):
    video, ledger = read_frames(clip), DecodeLedger()
    pairs = list(iter_frames(clip, ledger=ledger))
    np.testing.assert_array_equal([time for time, _ in pairs], video.times)
    np.testing.assert_array_equal([frame for _, frame in pairs], video.frames)
    assert ledger == video.ledger and ledger.complete
    assert all(type(time) is float for time, _ in pairs)


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_variable_frame_rates_keep_their_times(container, tmp_path):
    times = np.cumsum([0, *[0.04, 0.1, 0.04, 0.5, 0.033, 0.033, 0.2] * 3])
    write_video(tmp_path / "clip.mp4", map(numbered, range(22)), times=times, container=container)
    video = read_frames(tmp_path / "clip.mp4")
    np.testing.assert_allclose(video.times, times, atol=1e-4)
    assert video.ledger.complete
    chosen = read_frames(tmp_path / "clip.mp4", times=[0.5, 0.3, 5.0, -1.0])
    assert [number_of(frame) for frame in chosen.frames] == [4, 3, 21, 0]


@pytest.mark.parametrize(
    ("matrix", "turns"), [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1), ((1, 0, 0, 1), 0)]
)
def test_the_display_matrix_is_applied(matrix, turns, silent_clip, tmp_path):
    (tmp_path / "turned.mp4").write_bytes(turn_mp4(silent_clip.read_bytes(), matrix))
    plain, turned = read_frames(silent_clip), read_frames(tmp_path / "turned.mp4")
    np.testing.assert_array_equal(turned.frames, np.rot90(plain.frames, turns, axes=(1, 2)))
    assert all(frame.flags.c_contiguous for frame in turned.frames)


def test_odd_sizes(tmp_path):
    write_video(tmp_path / "clip", [numbered(5)[:31, :95]] * 3, pixel_format="yuv444p")
    assert read_frames(tmp_path / "clip").frames.shape == (3, 31, 95, 3)
    write_video(tmp_path / "clip", [numbered(5)[:31, :95]] * 3, codec="libvpx-vp9", container="webm", preset="good")
    assert read_frames(tmp_path / "clip").frames.shape == (3, 31, 95, 3)


@pytest.mark.parametrize("tag", ["ITU601", "ITU709"])
def test_colours_follow_the_matrix_that_the_file_declares(tag, tmp_path):
    colour = np.full((32, 32, 3), (200, 60, 30), np.uint8)
    space = av.video.reformatter.Colorspace[tag]
    with av.open(str(tmp_path / "clip.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "0"})
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = {"ITU601": 6, "ITU709": 1}[tag]
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
            output.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=space)))
        output.mux(stream.encode(None))
    np.testing.assert_allclose(read_frames(tmp_path / "clip.mp4").frames[0, 8, 8], (200, 60, 30), atol=3)


def test_choosing_decodes_only_the_groups_it_needs(clip):
    everything = read_frames(clip)
    one = read_frames(clip, times=[1.64])
    assert [number_of(frame) for frame in one.frames] == [41]
    assert one.ledger.expected_frames == one.ledger.decoded_frames == 2  # keyframes lie at 0, 10, ..., 40
    many = read_frames(clip, times=everything.times[::-1])
    np.testing.assert_array_equal(many.frames, everything.frames[::-1])
    assert many.ledger.expected_frames == 50


@pytest.mark.parametrize("kind", KINDS)
def test_seeking_gives_the_frames_of_straight_decoding(kind, tmp_path):
    write_video(tmp_path / "clip", map(numbered, range(300)), gop=20, **KINDS[kind])
    everything = read_frames(tmp_path / "clip")
    assert len(everything.frames) == 300
    chosen = [3, 41, 44, 139, 140, 220, 299]
    some = read_frames(tmp_path / "clip", times=everything.times[chosen])
    assert [number_of(frame) for frame in some.frames] == chosen
    np.testing.assert_array_equal(some.frames, everything.frames[chosen])
    np.testing.assert_array_equal(some.times, everything.times[chosen])
    assert some.ledger.complete and some.ledger.expected_frames < 150


def test_ways_to_choose(clip):
    def numbers(**choice):
        return [number_of(frame) for frame in read_frames(clip, **choice).frames]

    assert numbers(every_s=0.5) == [0, 12, 25, 37]
    assert numbers(count=5) == [5, 15, 25, 35, 45] or numbers(count=5) == [4, 14, 24, 34, 44]
    assert numbers(count=1) in ([24], [25])
    assert numbers(count=50) == list(range(50))
    assert numbers(times=[0.1, 0.1, 0.0]) == [2, 2, 0]
    assert read_frames(clip, times=[]).frames.shape[0] == 0


@pytest.mark.parametrize(
    "choice", [{"count": 0}, {"every_s": 0.0}, {"times": [float("nan")]}, {"count": 3, "every_s": 1.0}]
)
def test_senseless_choices_are_refused(choice, clip):
    with pytest.raises(ValueError):
        read_frames(clip, **choice)


def test_frames_that_do_not_fit_are_refused_before_they_are_decoded(clip):
    with pytest.raises(MediaError) as caught:
        read_frames(clip, limits=Limits(max_kept_bytes=10 * 96 * 32 * 3))
    assert caught.value.status == "too_large"
    assert len(read_frames(clip, count=10, limits=Limits(max_kept_bytes=10 * 96 * 32 * 3)).frames) == 10


def test_a_file_of_sound_alone_has_no_video(tmp_path):
    with av.open(str(tmp_path / "tone.wav"), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        output.mux(stream.encode(frame))
    with pytest.raises(MediaError) as caught:
        read_frames(tmp_path / "tone.wav")
    assert caught.value.status == "no_video"


def test_a_truncated_file_says_what_is_missing(tmp_path):
    write_video(tmp_path / "clip.mkv", map(numbered, range(100)), container="matroska")
    data = (tmp_path / "clip.mkv").read_bytes()
    (tmp_path / "clip.mkv").write_bytes(data[: len(data) // 2])
    video = read_frames(tmp_path / "clip.mkv")
    assert 0 < len(video.frames) < 100
    assert not video.ledger.complete
    assert "declares 4.00 s" in video.ledger.summary()
    (tmp_path / "clip.mp4").write_bytes(data[:100])
    with pytest.raises(MediaError):
        read_frames(tmp_path / "clip.mp4")


def test_a_lost_frame_is_replaced_by_its_neighbour_and_listed(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    broken = next(packet for packet in packets if packet.pts is not None and number_at(packet) == 25)
    data[broken.pos : broken.pos + broken.size] = bytes(broken.size)
    (tmp_path / "hole.mp4").write_bytes(data)
    whole = read_frames(tmp_path / "hole.mp4")
    assert not whole.ledger.complete
    assert whole.ledger.errors or whole.ledger.damaged_frames
    assert len(whole.frames) == whole.ledger.decoded_frames == len(np.unique(whole.times))
    one = read_frames(tmp_path / "hole.mp4", times=[1.0, 0.2])
    assert len(one.frames) == 2 and not one.ledger.complete
    assert one.times[1] == pytest.approx(0.2)
    assert abs(one.times[0] - 1.0) <= 0.12


def number_at(packet):
    return round(float(packet.pts * packet.time_base) * 25)


def test_a_file_of_which_no_frame_decodes_is_an_error(tmp_path):
    write_video(tmp_path / "clip.mp4", map(numbered, range(5)))
    data = bytearray((tmp_path / "clip.mp4").read_bytes())
    at = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[at:end] = bytes(end - at)
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(MediaError) as caught:
        read_frames(tmp_path / "clip.mp4")
    assert caught.value.status == "decode_error"
    with pytest.raises(MediaError):
        list(iter_frames(tmp_path / "clip.mp4"))


def test_iterating_may_stop_early(clip):
    assert [number_of(frame) for _, frame in itertools.islice(iter_frames(clip), 3)] == [0, 1, 2]
