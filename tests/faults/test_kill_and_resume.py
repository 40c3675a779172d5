"""A run that is killed at any instant and resumed ends as if nothing had happened, bit for bit."""

import os
import pickle
import random
import signal
import time

import pytest
from toy_run import assert_same_weights, wait_for, write_config

from zoo.engine.checkpoint import newest_valid, training_checkpoints
from zoo.engine.launch import PREEMPTED


@pytest.fixture
def toy(tmp_path, nursery, features):
    """Runs in ``tmp_path/run``: ``toy(*arguments, hooks=...)`` to the end, ``toy.start`` in the background."""
    return Toy(tmp_path, nursery, features)


class Toy:
    def __init__(self, folder, nursery, features):
        self.folder, self.nursery, self.features = folder, nursery, features
        self.work_dir = folder / "run"
        self.output = folder / "output"

    def start(self, *arguments, hooks=()):
        config = write_config(self.folder / "toy.py", self.features, interval_iters=1, hooks=hooks)
        return self.nursery.start(config, "--work-dir", self.work_dir, *arguments, output=self.output)

    def __call__(self, *arguments, hooks=()):
        return self.nursery.wait(self.start(*arguments, hooks=hooks))

    def text(self):
        return self.output.read_text()


def kill_once_and_resume(nursery, features, folder, *, after_s):
    """A run killed after ``after_s`` seconds, then resumed to its end; returns whether the kill came in time."""
    folder.mkdir()
    config = write_config(folder / "toy.py", features, interval_iters=1)
    arguments = (config, "--work-dir", folder / "run", "--resume", "auto")
    pid = nursery.start(*arguments, output=folder / "output")
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    killed = nursery.wait(pid) == -signal.SIGKILL
    assert nursery.train(*arguments, output=folder / "output") == 0, (folder / "output").read_text()
    assert not list((folder / "run").rglob("*.partial"))
    return killed


@pytest.mark.parametrize("instants", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_kill_at_random_instants(instants, nursery, features, reference, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    began = time.monotonic()
    config = write_config(whole / "toy.py", features, interval_iters=1)
    assert nursery.train(config, "--work-dir", whole / "run", output=whole / "output") == 0
    length_s = time.monotonic() - began
    assert_same_weights(reference, whole / "run")
    instant = random.Random(instants)
    killed = 0
    for number in range(instants):
        folder = tmp_path / str(number)
        killed += kill_once_and_resume(nursery, features, folder, after_s=length_s * instant.uniform(0.2, 0.95))
        assert_same_weights(reference, folder / "run")
    assert killed >= instants * 0.6, "most instants must fall into the run for this to test anything"


@pytest.mark.parametrize(
    ("count", "moment"),
    [(5, "before"), (5, "after"), *(pytest.param(n, "before", marks=pytest.mark.slow) for n in range(3, 18))],
)
def test_kill_while_files_change_places(count, moment, toy, reference):
    assert toy(hooks=[{"type": "KillAtWrite", "count": count, "moment": moment}]) == -signal.SIGKILL
    assert newest_valid(toy.work_dir) is not None
    assert toy("--resume", "auto") == 0, toy.text()
    assert_same_weights(reference, toy.work_dir)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)])
def test_signal_saves_and_the_next_start_goes_on(number, toy, reference):
    pid = toy.start(hooks=[{"type": "SlowSteps", "seconds": 0.2}])
    wait_for(toy.work_dir / "step_rank0")
    os.kill(pid, number)
    assert toy.nursery.wait(pid) == PREEMPTED, toy.text()
    assert training_checkpoints(toy.work_dir)
    assert toy("--resume") == 0, toy.text()
    assert_same_weights(reference, toy.work_dir)


def test_second_run_is_refused_and_leaves_the_first_alone(toy):
    pid = toy.start(hooks=[{"type": "SlowSteps", "seconds": 0.2}])
    wait_for(toy.work_dir / "step_rank0")
    before = (toy.work_dir / "toy.py").read_text(), (toy.work_dir / "commands.txt").read_text()
    assert toy("--cfg-options", "train_cfg.max_epochs=9") == 2
    assert f"Another run owns the work directory: process {pid} on" in toy.text()
    assert ((toy.work_dir / "toy.py").read_text(), (toy.work_dir / "commands.txt").read_text()) == before
    os.kill(pid, signal.SIGKILL)
    toy.nursery.wait(pid)
    assert toy("--resume", "auto") == 0, toy.text()


def test_damaged_newest_checkpoint_is_passed_over(toy, reference):
    assert toy("--cfg-options", "train_cfg.max_iters=2") == 0
    newest = training_checkpoints(toy.work_dir)[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    assert toy("--resume", "auto") == 0, toy.text()
    assert_same_weights(reference, toy.work_dir)


def test_full_disk_loses_nothing_that_was_saved(toy, reference):
    assert toy(hooks=[{"type": "DiskFullAt", "iteration": 1, "room": 20_000}]) == 2
    assert "Cannot write epoch_" in toy.text()
    assert "Traceback" not in toy.text()
    assert newest_valid(toy.work_dir).name == "epoch_0000_iter_00000001.pth"
    assert not list(toy.work_dir.rglob("*.partial"))
    assert toy("--resume", "auto") == 0, toy.text()
    assert_same_weights(reference, toy.work_dir)


class Hostile:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.mark.parametrize("form", ["pickle", "torch", "missing"])
def test_resume_from_a_file_that_is_no_checkpoint(form, toy):
    import torch

    path, canary = toy.folder / "given.pth", toy.folder / "canary"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Hostile(canary)))
    elif form == "torch":
        torch.save({"format": "zoo-training", "version": 1, "state_dict": Hostile(canary)}, path)
    assert toy("--resume", path) == 2
    assert str(path) in toy.text()
    assert "Traceback" not in toy.text()
    assert not canary.exists()
    assert not training_checkpoints(toy.work_dir)


def test_work_dir_that_cannot_be_written(toy):
    (toy.folder / "file").write_text("")
    toy.work_dir = toy.folder / "file" / "run"
    assert toy() == 2
    assert "Cannot use the work directory" in toy.text()
    assert "Traceback" not in toy.text()


def test_resume_auto_without_a_checkpoint_says_so_and_starts(toy, reference):
    assert toy("--resume", "auto") == 0
    assert "starting afresh" in toy.text()
    assert_same_weights(reference, toy.work_dir)
