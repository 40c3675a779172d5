"""Bad videos among good ones: each ends as a row with a status and a reason, and the good ones are cut."""

import json
import os
import resource
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from media_helpers import turn_mp4
from preprocess_helpers import cut, make_cropper, make_records, record, statuses, walking
from stub_faces import BLUE, GREEN, RED, film, scene

from zoo.datasets.manifest import MANIFEST, read_manifest
from zoo.datasets.preprocessing.crop_job import crop_folder
from zoo.datasets.preprocessing.run import REPORT
from zoo.jobs.executors import ProcessExecutor
from zoo.media.encode import write_video


def limited(**options):
    return ProcessExecutor(**{"workers": 1, "timeout_s": 30, "memory_bytes": 1 << 30, **options})


def claims_16000_pixels(path):
    """A small video whose container and pictures say that they are 16,000 x 16,000."""
    film(path, [scene()] * 4, codec="mjpeg", pixel_format="yuvj420p", container="avi")
    small, large = ((struct.pack(">HH", *size), struct.pack("<II", *size[::-1])) for size in ((96, 128), (16_000,) * 2))
    head = b"\xff\xc0\x00\x11\x08"
    path.write_bytes(path.read_bytes().replace(head + small[0], head + large[0]).replace(small[1], large[1]))


def hours_of_black(path, hours):
    black = np.zeros((96, 128, 3), np.uint8)
    write_video(path, [black] * 49, times=np.arange(49) * hours * 75.0)


def cut_short(path):
    data = walking(path, frames=40).read_bytes()
    path.write_bytes(data[: len(data) // 3])


def playlist(path):
    target = walking(path.with_name("target.mp4"))
    path.write_text(f"ffconcat version 1.0\nfile '{target.name}'\n")


BAD = {
    "truncated.mp4": (cut_short, {"not_media", "decode_error"}),
    "zero bytes.mp4": (lambda path: path.touch(), {"empty_file"}),
    "absent.mp4": (lambda path: None, {"missing"}),
    "text.mp4": (lambda path: path.write_text("no video " * 500), {"not_media"}),
    "noise.avi": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(9999)), {"not_media"}),
    "playlist.mp4": (playlist, {"not_media"}),
    "16000.avi": (claims_16000_pixels, {"too_large", "decode_error"}),
    "million fps.mp4": (lambda path: film(path, [scene()] * 4, fps=1_000_000), {"bad_fps"}),
    "a day of black.mp4": (lambda path: hours_of_black(path, 24), {"too_long"}),
    "hours of black.mp4": (lambda path: hours_of_black(path, 5), {"no_face"}),
    "nobody.mp4": (lambda path: film(path, [scene()] * 10), {"no_face"}),
    "pipe.mp4": (os.mkfifo, {"not_media"}),
    "loop.mp4": (lambda path: path.symlink_to(path), {"missing", "not_media", "unreadable"}),
    "folder.mp4": (lambda path: path.mkdir(), {"no_video"}),
    "picture.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0 no picture"), {"decode_error"}),
    "archive.tar": (lambda path: path.write_bytes(b"no archive" * 99), {"not_media"}),
}


def varying(path):
    steps = np.where(np.arange(30) % 10 < 5, 0.02, 0.3)
    film(path, [scene((10, 20, 40, RED))] * 30, times=np.cumsum(steps))


def turned(path):
    path.write_bytes(turn_mp4(walking(path).read_bytes(), (0, 1, -1, 0)))


def odd(path):
    film(
        path, [scene((10, 20, 40, GREEN), size=(97, 131))] * 6, codec="ffv1", pixel_format="bgr0", container="matroska"
    )


GOOD = {
    "variable rate.mp4": varying,
    "turned.mp4": turned,
    "odd sizes.mkv": odd,
    "10 bit.mp4": lambda path: walking(path, pixel_format="yuv420p10le"),
    "wrong extension.txt.avi": walking,
    "na\u00efve \u7530\u4e2d \U0001f600 'q\" [x].mp4": walking,
    "one frame.mp4": lambda path: walking(path, frames=1),
}


def test_bad_videos_are_rows_and_good_ones_are_cut(tmp_path):
    for name, make in GOOD.items():
        make(tmp_path / name)
    for name, (make, _) in BAD.items():
        make(tmp_path / name)
    records = [record(tmp_path / name) for name in (*GOOD, *BAD)]
    report = cut(records, tmp_path / "out", executor=limited())
    found = statuses(report)
    assert sorted(found) == sorted(f"c/{name}" for name in BAD)
    assert {name: found[f"c/{name}"] in expected for name, (_, expected) in BAD.items()} == dict.fromkeys(BAD, True), (
        found
    )
    assert all(failure.reason for failure in report.failures)
    table = read_manifest(tmp_path / "out").table
    assert set(table["video_id"].to_pylist()) == {f"c/{name}" for name in GOOD}
    written = json.loads((tmp_path / "out" / REPORT).read_text())["failures"]
    assert {row["key"]: row["status"] for row in written} == found
    assert (report.videos, report.with_crops) == (len(records), len(GOOD))


def test_a_turned_video_is_cut_upright(tmp_path):
    turned(tmp_path / "a.mp4")
    cut([record(tmp_path / "a.mp4")], tmp_path / "out")
    box = read_manifest(tmp_path / "out").table["box"][0].as_py()
    assert box[1] == pytest.approx(6 + 2, abs=3) and box[0] == pytest.approx(96 - 24 - 40, abs=3)


def test_forty_faces_and_a_face_in_a_part_of_the_video(tmp_path):
    crowd = [(28 * (n % 8) + 4, 28 * (n // 8) + 4, 18 + n // 20, (RED, GREEN, BLUE)[n % 3]) for n in range(40)]
    film(tmp_path / "crowd.mp4", [scene(*crowd, size=(160, 240))] * 8)
    film(tmp_path / "part.mp4", [scene(*([(30, 30, 40, RED)] if k > 15 else [])) for k in range(20)])
    records = [record(tmp_path / name) for name in ("crowd.mp4", "part.mp4")]
    report = cut(records, tmp_path / "out", cropper=make_cropper(faces="all"), executor=limited())
    assert report.failures == ()
    rows = read_manifest(tmp_path / "out").table.to_pylist()
    assert {row["track"] for row in rows if row["video_id"] == "c/crowd.mp4"} == set(range(40))
    assert len({tuple(row["box"][:2]) for row in rows if row["position"] == 0}) >= 40
    assert [row["position"] for row in rows if row["video_id"] == "c/part.mp4"] == [3]


BAD_IDS = ["../out", "a/../../out", "/absolute", "", ".", "nul\0byte", "caf\udce9.mp4"]


def test_ids_that_have_no_place_are_rows(tmp_path):
    video = walking(tmp_path / "a.mp4")
    records = [record(video, video_id) for video_id in (*BAD_IDS, "fine", "./fine", "fine/inside", "fine too")]
    report = cut([*records[:-1], records[-1]], tmp_path / "deep" / "er" / "out")
    assert set(statuses(report).values()) == {"bad_id"}
    assert len(report.failures) == len(BAD_IDS) + 2
    assert "caf\\udce9.mp4" in statuses(report)
    rows = read_manifest(tmp_path / "deep" / "er" / "out").table.to_pylist()
    assert len({row["video_id"] for row in rows}) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "deep"]
    assert len(list((tmp_path / "deep" / "er" / "out").rglob("*.jpg"))) == len(rows) == 8


def test_an_id_may_be_as_long_as_the_file_system_allows(tmp_path):
    video = walking(tmp_path / "a.mp4")
    long, longer = "\U0001f600" * 63, "x" * 256
    report = cut([record(video, f"c/{long}"), record(video, f"c/{longer}")], tmp_path / "out")
    assert list(statuses(report)) == [f"c/{longer}"]
    assert "too long" in report.failures[0].reason.lower()


def test_names_that_are_no_text_are_told_in_the_report_too(tmp_path):
    report = cut([record(walking(tmp_path / "a.mp4"))], tmp_path / "out", left_out={"caf\udce9.mp4": "no label"})
    assert json.loads((tmp_path / "out" / REPORT).read_text())["left_out"] == {"caf\\udce9.mp4": "no label"}
    assert report.left_out == {"caf\\udce9.mp4": "no label"}


class Stubborn:
    """Detects nothing for ever in videos that begin green, and dies in those that begin blue."""

    def detect(self, frames):
        from stub_faces import SquareDetector

        shade = frames[0].reshape(-1, 3).astype(int).max(axis=0) - 128
        if shade[1] > 40:
            signal.pause()
        if shade[2] > 60:
            os.kill(os.getpid(), signal.SIGSEGV)
        return SquareDetector().detect(frames)

    def fingerprint(self):
        return "stubborn"


def test_a_detector_that_hangs_or_dies_takes_one_video_with_it(tmp_path):
    records = make_records(tmp_path / "videos", 5)
    report = cut(
        records, tmp_path / "out", cropper=make_cropper(detector=Stubborn()), executor=limited(timeout_s=1.5, workers=2)
    )
    assert statuses(report) == {"c/video 1.mp4": "timeout", "c/video 4.mp4": "timeout", "c/video 2.mp4": "crash"}
    assert report.with_crops == 2


def test_an_output_that_cannot_be_written_is_told_once(tmp_path):
    from zoo.errors import WorkDirError

    (tmp_path / "file").touch()
    with pytest.raises(WorkDirError):
        cut([record(walking(tmp_path / "a.mp4"))], tmp_path / "file")
    with pytest.raises(WorkDirError):
        cut([record(tmp_path / "a.mp4")], tmp_path / "file" / "out")


def test_a_file_where_a_folder_of_crops_should_be_is_one_row(tmp_path):
    records = make_records(tmp_path / "videos", 2)
    blocked = tmp_path / "out" / crop_folder(records[0])
    blocked.parent.mkdir(parents=True)
    blocked.write_text("in the way")
    report = cut(records, tmp_path / "out")
    assert list(statuses(report)) == ["c/video 0.mp4"] and "Cannot write the crops" in report.failures[0].reason
    assert blocked.read_text() == "in the way"
    assert not (tmp_path / "out" / ".unfinished").exists()


FULL_DISK = """
import signal, resource, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
from pathlib import Path
from preprocess_helpers import cut, make_cropper, record
from zoo.cli import run

def go():
    videos = sorted(Path(sys.argv[1]).iterdir())
    report = cut([record(path) for path in videos], sys.argv[2], cropper=make_cropper(image_size=int(sys.argv[4])))
    print([failure.reason for failure in report.failures])
    return 0

sys.exit(run(go))
"""


@pytest.mark.parametrize(("room", "image_size", "code"), [(15_000, 400, 0), (900, 24, 2)])
def test_a_full_disk_is_told_and_a_second_run_completes_it(tmp_path, room, image_size, code):
    """Crops that do not fit are rows; a journal or manifest that does not fit ends the run with one error."""
    records = make_records(tmp_path / "videos", 3)
    noise = np.random.default_rng(0).integers(0, 90, (6, 96, 128, 3), np.uint8)
    film(tmp_path / "videos" / "video 0.mp4", [np.maximum(scene((10, 20, 60, RED)), cover) for cover in noise])
    arguments = [str(tmp_path / "videos"), str(tmp_path / "out"), str(room), str(image_size)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, env=environment
    )
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    if code:
        assert "Cannot write" in ended.stderr and "Free disk space" in ended.stderr
    else:
        assert "Cannot write the crops" in ended.stdout
    again = [record(one.path) for one in records]
    cut(again, tmp_path / "out", cropper=make_cropper(image_size=image_size))
    cut(again, tmp_path / "at once", cropper=make_cropper(image_size=image_size))
    assert (tmp_path / "out" / MANIFEST).read_bytes() == (tmp_path / "at once" / MANIFEST).read_bytes()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] in (-1, resource.RLIM_INFINITY)
