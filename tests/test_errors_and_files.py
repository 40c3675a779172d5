"""Errors survive process boundaries; files are whole or absent; arrays are read without executing anything."""

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ConfigError, DataError, MediaError, WorkDirError, did_you_mean
from zoo.files import atomic_write, read_npz, sha256_of, sweep_partial_files, write_json


def test_an_error_says_what_where_and_what_next():
    error = DataError("No faces.", where="a.mp4", next_step="Use another detector.")
    assert str(error) == "No faces.\n  where: a.mp4\n  next:  Use another detector."


@pytest.mark.parametrize("error", [ConfigError("x", where="y", next_step="z"), MediaError("x", status="no_audio")])
def test_errors_cross_process_boundaries_whole(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_suggestions_are_near_and_absent_when_nothing_is():
    assert did_you_mean("focalloss", ["FocalLoss", "InfoNCELoss"]) == " Did you mean 'FocalLoss'?"
    assert did_you_mean("zzz", ["FocalLoss"]) == ""


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path):
    target = tmp_path / "a.json"
    write_json(target, {"n": 1})
    with pytest.raises(RuntimeError), atomic_write(target) as file:
        file.write(b"half")
        raise RuntimeError
    assert target.read_text() == '{\n  "n": 1\n}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkDirError, match=r"Cannot write b\.json"):
        write_json(tmp_path / "file" / "b.json", {})


def test_a_full_disk_keeps_what_was_saved():
    target = "/dev/shm/zoo-full-disk-test"
    code = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from zoo.errors import WorkDirError
from zoo.files import atomic_write
with atomic_write({target!r}) as file: file.write(b"good")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with atomic_write({target!r}) as file: file.write(b"x" * 100_000)
except WorkDirError as error: print(error)
print(open({target!r}).read())
"""
    try:
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout
    finally:
        Path(target).unlink()
    assert "File too large" in output
    assert output.endswith("good\n")


def test_sweeping_removes_what_the_dead_left_and_spares_the_living(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with atomic_write(tmp_path / "mine") as file:
        mine = Path(file.name).name
        orphan = tmp_path / mine.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
        foreign = tmp_path / ".other.elsewhere-1-1.partial"
        orphan.touch()
        foreign.touch()
        os.utime(foreign, (time.time() - 100_000,) * 2)
        assert set(sweep_partial_files(tmp_path)) == {orphan, foreign}
    assert (tmp_path / "mine").exists()


def test_npz_reading_refuses_pickles_and_bombs_and_says_what_is_missing(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, embeddings=np.ones((3, 2), np.float32), objects=np.array([{}], dtype=object))
    assert read_npz(path, "embeddings").shape == (3, 2)
    with pytest.raises(DataError, match="pickled objects"):
        read_npz(path, "objects")
    with pytest.raises(DataError, match="No array 'other'"):
        read_npz(path, "other")
    with pytest.raises(DataError, match="unpacks to"):
        read_npz(path, "embeddings", max_bytes=10)
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match="Cannot read"):
        read_npz(path, "embeddings")


def test_sha256_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
