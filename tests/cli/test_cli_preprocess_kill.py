"""``zoo preprocess`` killed at any instant and repeated ends as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from preprocess_helpers import left_in
from stub_faces import BLUE, GREEN, RED, film, scene

from zoo.datasets.crop_reader import CropReader
from zoo.datasets.manifest import MANIFEST, read_manifest

VIDEOS = 8


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("killed") / "corpus"
    for n in range(VIDEOS):
        folder = root / ("train", "val")[n % 2] / ("real", "fake")[n // 2 % 2]
        folder.mkdir(parents=True, exist_ok=True)
        frames = [scene((6 + 2 * k, 24, 40, (RED, GREEN, BLUE)[n % 3])) for k in range(12)]
        film(folder / f"video {n}.mp4", frames)
    (root / "train" / "real" / "broken.mp4").write_bytes(b"no video")
    return root


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = str(Path(__file__).with_name("preprocess_nursery.py"))
    process = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def ask(**request):
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait(timeout=30)


def arguments(corpus, output, *more):
    asked = ("--input", corpus, "--output", output, "--frames-per-video", 4, "--image-size", 24, "--num-workers", 0)
    return [str(value) for value in (*asked, *more)]


@pytest.fixture(scope="module")
def whole(corpus, nursery, tmp_path_factory):
    """The output of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert nursery(argv=arguments(corpus, folder / "out"), log=str(folder / "log")) == 3, (folder / "log").read_text()
    return folder / "out"


def assert_nothing_is_left_over(output):
    assert not list(output.rglob("*.partial")) and not (output / ".unfinished").exists()
    assert not (output / "owner.json").exists()


def test_killed_again_and_again_at_whatever_it_does(corpus, nursery, whole, tmp_path):
    output, log = tmp_path / "out", tmp_path / "log"
    instant = random.Random(1)
    killed = 0
    for _ in range(12):
        code = nursery(argv=arguments(corpus, output), kill_at=instant.randint(1, 16), log=str(log))
        killed += code == -signal.SIGKILL
    assert killed >= 7, log.read_text()
    assert nursery(argv=arguments(corpus, output), log=str(log)) == 3, log.read_text()
    assert left_in(output) == left_in(whole)
    assert_nothing_is_left_over(output)


def test_killed_while_crops_are_packed(corpus, nursery, whole, tmp_path):
    output, log = tmp_path / "out", tmp_path / "log"
    argv = arguments(corpus, output, "--pack")
    assert nursery(argv=arguments(corpus, output), log=str(log)) == 3
    killed = sum(nursery(argv=argv, kill_at=n, log=str(log)) == -signal.SIGKILL for n in range(9, 30, 3))
    assert killed >= 5, log.read_text()
    assert nursery(argv=argv, log=str(log)) == 3, log.read_text()
    assert (output / MANIFEST).read_bytes() == (whole / MANIFEST).read_bytes()
    there, expected = CropReader(read_manifest(output)), CropReader(read_manifest(whole))
    assert [there.encoded(row) for row in range(len(there))] == [expected.encoded(row) for row in range(len(expected))]
    assert not list(output.rglob("*.jpg")) or [path.name for path in output.rglob("*.jpg")] == ["contact_sheet.jpg"]
    assert_nothing_is_left_over(output)


STUBBED = """
import sys, time
import zoo.cli.preprocess
from stub_faces import SquareDetector
from zoo.cli import run

zoo.cli.preprocess.detector_of = lambda options: SquareDetector()
sys.exit(run(lambda: zoo.cli.preprocess.main(sys.argv[1:])))
"""


def start(argv, log):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with open(log, "a") as file:
        return subprocess.Popen([sys.executable, "-c", STUBBED, *argv], stdout=file, stderr=file, env=environment)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_kills_at_random_times_with_workers(corpus, whole, tmp_path):
    """The workers outlive the command by a second: the next run must not mind what they still write."""
    instant = random.Random(0)
    log = tmp_path / "log"
    began = time.monotonic()
    timed = start([*arguments(corpus, tmp_path / "timed"), "--num-workers", "2"], log)
    assert timed.wait(120) == 3
    length_s = time.monotonic() - began
    killed = 0
    output = tmp_path / "out"
    for round_number in range(10):
        process = start([*arguments(corpus, output), "--num-workers", "2"], log)
        time.sleep(length_s * instant.uniform(0.2, 0.95))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        if round_number % 3 == 2:  # begin anew, or most kills would find nothing left to do
            output = tmp_path / f"out {round_number}"
    assert killed >= 6
    for output in sorted(tmp_path.glob("out*")):
        assert start([*arguments(corpus, output), "--num-workers", "2"], log).wait(120) == 3, log.read_text()
        assert left_in(output) == left_in(whole)
        assert_nothing_is_left_over(output)
