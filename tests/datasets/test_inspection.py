"""What one file is: videos, pictures and sequences in archives, whole and broken."""

import io
import tarfile

import av
import cv2
import numpy as np
import pytest

from zoo.datasets import inspection
from zoo.datasets.inspection import inspect_file
from zoo.errors import MediaError
from zoo.media.encode import write_video


def picture(height=6, width=10):
    return cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()


def packed(path, **files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/") + ".png")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return str(path)


def test_videos_are_timed_on_request(tmp_path):
    path = str(tmp_path / "a.mp4")
    write_video(path, np.zeros((20, 32, 48, 3), np.uint8), fps=10)
    facts, timed = (inspect_file((path, None, wanted)) for wanted in (False, True))
    assert (facts.kind, facts.width, facts.height, facts.fps, facts.has_audio) == ("video", 48, 32, 10.0, False)
    assert facts.duration_s == pytest.approx(2.0) and facts.decode_s is None and timed.decode_s > 0


def test_a_file_cut_off_behind_its_index_is_truncated(tmp_path):
    whole, front = tmp_path / "whole.mp4", tmp_path / "front.mp4"
    write_video(whole, np.random.default_rng(0).integers(0, 255, (20, 32, 48, 3), np.uint8), fps=10)
    with av.open(str(whole)) as source, av.open(str(front), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    content = front.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert inspect_file((str(front), None, False)).kind == "video"
    front.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(MediaError, match="the file ends at") as caught:
        inspect_file((str(front), None, False))
    assert caught.value.status == "truncated"


def test_sound_alone_is_no_video(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.mp4"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    with pytest.raises(MediaError) as caught:
        inspect_file((str(tmp_path / "a.mp4"), None, False))
    assert caught.value.status == "no_video"


def test_a_sequence_is_judged_by_a_picture_of_its_folder(tmp_path):
    path = packed(tmp_path / "1.tar.gz", other__1=b"no picture", **{"1__fake__0__7": picture(4, 9)})
    facts = inspect_file((path, "1/fake/0", False))
    assert (facts.kind, facts.width, facts.height) == ("sequence", 9, 4)
    for member, status in (("other", "bad_image"), ("absent", "missing")):
        with pytest.raises(MediaError) as caught:
            inspect_file((path, member, False))
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [("a.jpg", b"", "empty_file"), ("a.png", picture()[:20], "bad_image"), ("b.png", None, "missing")],
)
def test_broken_pictures_have_a_status(tmp_path, name, content, status):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError) as caught:
        inspect_file((str(tmp_path / name), None, False))
    assert caught.value.status == status


def test_pictures_and_archives_beyond_sense_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "_MOST_IMAGE_BYTES", 10)
    (tmp_path / "a.png").write_bytes(picture())
    path = packed(tmp_path / "1.tar.gz", x__1=picture())
    (tmp_path / "2.tar.gz").write_bytes(b"no archive")
    for payload, status in (
        ((str(tmp_path / "a.png"), None, False), "too_large"),
        ((path, "x", False), "too_large"),
        ((str(tmp_path / "2.tar.gz"), "x", False), "bad_archive"),
    ):
        with pytest.raises(MediaError) as caught:
            inspect_file(payload)
        assert caught.value.status == status
