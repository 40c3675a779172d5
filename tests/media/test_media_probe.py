import os
import shutil
import struct
import subprocess
import sys
import textwrap

import av
import numpy as np
import pytest
from media_helpers import numbered, turn_mp4

from zoo.errors import MediaError
from zoo.media.decode import read_frames
from zoo.media.encode import write_video
from zoo.media.limits import AUDIO_CODECS, FORMATS, VIDEO_CODECS, Limits
from zoo.media.probe import probe


def status_of(path, *, read=probe, **limits):
    with pytest.raises(MediaError) as caught:
        read(path, limits=Limits(**limits))
    assert caught.value.where or caught.value.next_step
    return caught.value.status


def test_a_clip_is_described(clip):
    info = probe(clip)
    assert (info.width, info.height, info.rotation, info.fps, info.frame_count) == (96, 32, 0, 25.0, 50)
    assert (info.video_codec, info.audio_codec, info.audio_rate, info.audio_channels) == ("h264", "aac", 16_000, 1)
    assert info.has_video and info.has_audio
    assert info.duration_s == pytest.approx(2.0, abs=0.02)
    assert info.file_bytes == clip.stat().st_size


def test_width_and_height_are_as_shown(clip, tmp_path):
    (tmp_path / "turned.mp4").write_bytes(turn_mp4(clip.read_bytes(), (0, 1, -1, 0)))
    info = probe(tmp_path / "turned.mp4")
    assert (info.width, info.height, info.rotation) == (32, 96, 90)


def test_the_extension_does_not_matter(clip, tmp_path):
    shutil.copy(clip, tmp_path / "clip.txt")
    assert probe(tmp_path / "clip.txt").video_codec == "h264"


def test_what_is_no_media_file_is_refused(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert status_of(tmp_path / "empty.mp4") == "empty_file"
    assert status_of(tmp_path / "absent.mp4") == "missing"
    assert status_of(tmp_path) == "not_media"
    (tmp_path / "text.mp4").write_text("Not a film. " * 1000)
    assert status_of(tmp_path / "text.mp4") == "not_media"
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(50_000))
    assert status_of(tmp_path / "noise.mp4") == "not_media"
    os.mkfifo(tmp_path / "pipe.mp4")
    assert status_of(tmp_path / "pipe.mp4") == "not_media"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named_so(clip, tmp_path):
    shutil.copy(clip, tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4").chmod(0)
    assert status_of(tmp_path / "clip.mp4") == "unreadable"


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("read", [probe, read_frames])
def test_a_playlist_opens_no_other_file(kind, read, tmp_path):
    os.mkfifo(tmp_path / "target.ts")  # whoever opened it would wait here for ever
    (tmp_path / "list.mp4").write_text(PLAYLISTS[kind].format(target=tmp_path / "target.ts"))
    assert status_of(tmp_path / "list.mp4", read=read) == "not_media"


def test_without_the_allow_list_the_playlist_would_open_it(clip, tmp_path, monkeypatch):
    shutil.copy(clip, tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.mp4").write_text(PLAYLISTS["concat"].format(target="clip.mp4"))
    with av.open(str(tmp_path / "list.mp4")) as container:
        assert container.format.name == "concat" and container.streams.video[0].codec_context.width == 96


def test_names_that_look_like_protocols_are_files(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status_of(f"concat:{clip}|{clip}") == "missing"
    shutil.copy(clip, tmp_path / "http:x.mp4")
    assert probe("http:x.mp4").has_video


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"max_pixels": 96 * 32 - 1}, "too_large"),
        ({"max_file_bytes": 100}, "too_large"),
        ({"max_duration_s": 1.5}, "too_long"),
        ({"max_frames": 49}, "too_many_frames"),
        ({"max_fps": 24}, "bad_fps"),
    ],
)
def test_limits_hold_for_probing_and_reading(clip, limits, status):
    assert status_of(clip, **limits) == status
    assert status_of(clip, read=read_frames, **limits) == status


def test_a_million_frames_a_second_are_refused(tmp_path):
    write_video(tmp_path / "fast.mp4", map(numbered, range(5)), fps=1_000_000)
    assert status_of(tmp_path / "fast.mp4") == "bad_fps"


def test_a_codec_that_is_not_listed_is_refused(tmp_path):
    write_video(tmp_path / "clip.mov", map(numbered, range(3)), codec="qtrle", pixel_format="rgb24", container="mov")
    assert status_of(tmp_path / "clip.mov") == "unsupported_codec"


def test_the_allow_lists_name_what_ffmpeg_knows_and_nothing_that_opens_files():
    assert {av.ContainerFormat(name, "r").name for name in FORMATS - {"mp4", "webm"}}
    assert not FORMATS & {
        "concat",
        "hls",
        "dash",
        "image2",
        "sdp",
        "rtsp",
        "tee",
        "lavfi",
        "vapoursynth",
        "webm_dash_manifest",
    }
    for name in VIDEO_CODECS | AUDIO_CODECS:
        assert av.Codec(name if name not in ("amr_nb", "amr_wb") else name.replace("_", ""), "r")


def run_measured(script):
    """What a fresh process prints, and by how many kilobytes its memory peaked above its imports."""
    whole = """
import resource
from zoo.errors import MediaError
from zoo.media.decode import read_frames
from zoo.media.probe import probe
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{script}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", whole.replace("{script}", textwrap.dedent(script))]
    *lines, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return lines, int(kilobytes)


@pytest.fixture(scope="module")
def huge_picture():
    return np.zeros((8192, 8192, 3), np.uint8)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
@pytest.mark.parametrize("lie", [False, True])
def test_probing_a_huge_picture_does_not_allocate_it(lie, huge_picture, tmp_path):
    path = tmp_path / "huge.mp4"
    write_video(path, [huge_picture] * 2, preset="ultrafast")
    if lie:  # the container says 96 x 32
        data = path.read_bytes()
        at = data.index(b"avc1", data.index(b"stsd")) + 28
        path.write_bytes(data[:at] + struct.pack(">HH", 96, 32) + data[at + 4 :])
    script = f"""
        try:
            probe({str(path)!r})
        except MediaError as error:
            print(error.status)
    """
    lines, kilobytes = run_measured(script)
    assert lines == ["too_large"]
    assert kilobytes < 60_000  # one picture is 100 MB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
def test_a_stream_that_grows_huge_in_its_middle_is_cut_there(huge_picture, tmp_path):
    write_video(tmp_path / "small.ts", map(numbered, range(50)), container="mpegts")
    write_video(tmp_path / "huge.ts", [huge_picture] * 2, times=[3.0, 3.04], preset="ultrafast", container="mpegts")
    path = tmp_path / "both.ts"
    path.write_bytes((tmp_path / "small.ts").read_bytes() + (tmp_path / "huge.ts").read_bytes())
    lines, kilobytes = run_measured(f"""
        video = read_frames({str(path)!r})
        print(video.frames.shape, video.ledger.complete)
    """)
    assert lines == ["(50, 32, 96, 3) False"]
    assert kilobytes < 80_000
