"""A run that is stopped anywhere and resumed ends in the same weights, bit for bit, with the same histories."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from toy_parts import toy_config

from zoo.engine.checkpoint import newest_valid, read_checkpoint, training_checkpoints
from zoo.engine.runner import ZooRunner
from zoo.errors import CheckpointError

torch.set_num_threads(1)  # sums over other numbers of threads differ in their last bits


class Crash(Exception):
    pass


class CrashAt(Hook):
    """Ends the run in the middle of an iteration, of an evaluation, or just before a checkpoint."""

    priority = "HIGHEST"

    def __init__(self, stage, at):
        self.stage, self.at, self.seen = stage, at, 0

    def _count(self, stage):
        if stage == self.stage:
            self.seen += 1
            if self.seen == self.at:
                raise Crash

    def after_train_iter(self, runner, **_):
        self._count("iteration")

    def after_val_iter(self, runner, **_):
        self._count("evaluation")

    def at_resumable_point(self, runner, **_):
        self._count("point")


EVERYTHING = {
    "monitor": {"type": "TrainingMonitor", "interval": 3},
    "checkpoint": {"type": "SaveCheckpoint", "interval_iters": 2, "save_best": "video/accuracy"},
    "ema": {"type": "ExponentialMovingAverage", "decay": 0.9},
    "early": {"type": "EarlyStopping", "monitor": "video/spread", "patience": 3},
    "guard": {"type": "NonFiniteGuard"},
}
SAME = ("state_dict", "ema_state_dict", "optimizer", "param_schedulers", "message_hub", "ranks", "loop")


def config(folder, **changes):
    return toy_config(folder, hooks=EVERYTHING, **changes)


def final(folder):
    return read_checkpoint(training_checkpoints(folder)[-1])


def assert_same(left, right, at="state"):
    assert type(left) is type(right), at
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype and torch.equal(left, right), at
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), at
        for key in left:
            assert_same(left[key], right[key], f"{at}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), at
        for index, pair in enumerate(zip(left, right, strict=True)):
            assert_same(*pair, f"{at}.{index}")
    else:
        assert left == right, at


def assert_same_run(left, right):
    for key in SAME:
        assert_same(left[key], right[key], key)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    ZooRunner.from_cfg(config(folder)).train()
    return final(folder)


MOMENTS = {"iteration": (1, 4, 5, 8, 14), "evaluation": (1, 5), "point": (3, 10, 15)}


@pytest.mark.parametrize(("stage", "at"), [(stage, at) for stage, times in MOMENTS.items() for at in times])
def test_a_crash_anywhere_leaves_no_trace(tmp_path, straight, stage, at):
    runner = ZooRunner.from_cfg(config(tmp_path))
    runner.register_hook(CrashAt(stage, at))
    with pytest.raises(Crash):
        runner.train()
    resumed = ZooRunner.from_cfg(config(tmp_path, resume="auto"))
    resumed.train()
    assert_same_run(final(tmp_path), straight)


def test_workers_and_a_transform_that_draws_globally_do_not_matter(tmp_path):
    def changed(name, **changes):
        result = config(tmp_path / name, **changes)
        result["train_dataloader"]["dataset"]["draws_globally"] = True
        return result

    ZooRunner.from_cfg(changed("straight")).train()
    runner = ZooRunner.from_cfg(changed("crashed"))
    runner.register_hook(CrashAt("iteration", 9))
    with pytest.raises(Crash):
        runner.train()
    ZooRunner.from_cfg(changed("crashed", resume=True)).train()
    assert_same_run(final(tmp_path / "crashed"), final(tmp_path / "straight"))


def test_loader_workers_give_the_same_run(tmp_path, straight):
    ZooRunner.from_cfg(config(tmp_path, workers=1)).train()
    assert_same_run(final(tmp_path), straight)


def test_an_unset_seed_is_taken_from_the_checkpoint(tmp_path):
    runner = ZooRunner.from_cfg(config(tmp_path, randomness={}))
    runner.register_hook(CrashAt("iteration", 8))
    with pytest.raises(Crash):
        runner.train()
    resumed = ZooRunner.from_cfg(config(tmp_path, randomness={}, resume="auto"))
    resumed.train()
    assert final(tmp_path)["meta"]["seed"] == runner.seed == resumed.seed
    seeded = ZooRunner.from_cfg(config(tmp_path / "seeded", randomness={"seed": runner.seed}))
    seeded.train()
    assert_same_run(final(tmp_path), final(tmp_path / "seeded"))


def test_a_damaged_checkpoint_is_passed_over(tmp_path, straight):
    runner = ZooRunner.from_cfg(config(tmp_path))
    runner.register_hook(CrashAt("iteration", 12))
    with pytest.raises(Crash):
        runner.train()
    newest = newest_valid(tmp_path)
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    assert newest_valid(tmp_path) not in (None, newest)
    ZooRunner.from_cfg(config(tmp_path, resume="auto")).train()
    assert_same_run(final(tmp_path), straight)


def test_resume_by_path_and_without_anything_to_resume(tmp_path, straight):
    ZooRunner.from_cfg(config(tmp_path / "a", resume="auto")).train()
    assert_same_run(final(tmp_path / "a"), straight)
    earlier = training_checkpoints(tmp_path / "a")[0]
    ZooRunner.from_cfg(config(tmp_path / "b", resume=str(earlier))).train()
    assert_same_run(final(tmp_path / "b"), straight)
    with pytest.raises(CheckpointError, match="No such checkpoint"):
        ZooRunner.from_cfg(config(tmp_path / "c", resume=str(tmp_path / "none.pth"))).train()


def test_another_model_or_order_of_data_is_refused(tmp_path):
    ZooRunner.from_cfg(config(tmp_path, train_cfg={"max_epochs": 3, "max_iters": 3})).train()
    with pytest.raises(CheckpointError, match=r"model\.dropout was None and is 0\.5"):
        ZooRunner.from_cfg(config(tmp_path, resume="auto", model={"type": "ToyDetector", "dropout": 0.5})).train()
    other = config(tmp_path, resume="auto")
    other["train_dataloader"]["batch_size"] = 2
    with pytest.raises(CheckpointError, match="another order of data"):
        ZooRunner.from_cfg(other).train()


def test_kill_9_while_training_and_saving(tmp_path, straight):
    script = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        from test_engine_resume import config
        from zoo.engine.runner import ZooRunner
        runner = ZooRunner.from_cfg(config({str(tmp_path)!r}, resume="auto"))
        print("ready", flush=True)
        runner.train()
        """
    )
    for delay_s in (0.15, None):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        if delay_s is not None:
            time.sleep(delay_s)
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == 0
    assert_same_run(final(tmp_path), straight)
