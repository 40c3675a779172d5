"""Several ranks on CPUs: the same weights, the same figures, and one error when one of them fails."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from toy_run import REPOSITORY, TIMEOUT_S, assert_same_weights, run_tool, surroundings, wait_for, write_config

from zoo.engine.launch import PREEMPTED, _free_port

KEEP_RANKS = [{"type": "SaveRankWeights"}]
PLAIN_STEPS = ["--cfg-options", "optim_wrapper.optimizer.type=SGD"]  # Adam makes steps out of rounding errors


def start_ranks(nursery, config, *arguments, folder, ranks):
    """Start ``ranks`` processes as torchrun does."""
    port = str(_free_port())
    return [
        nursery.start(
            *(config, "--launcher", "pytorch", "--work-dir", folder / "run", *arguments),
            output=folder / f"output{rank}",
            RANK=str(rank),
            WORLD_SIZE=str(ranks),
            LOCAL_RANK=str(rank),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=port,
        )
        for rank in range(ranks)
    ]


def run_ranks(nursery, config, *arguments, folder, ranks):
    """What each rank saved at the end: its weights and its figures."""
    codes = [nursery.wait(pid) for pid in start_ranks(nursery, config, *arguments, folder=folder, ranks=ranks)]
    assert codes == [0] * ranks, "".join((folder / f"output{rank}").read_text() for rank in range(ranks))
    return [torch.load(folder / "run" / f"weights_rank{rank}.pth", weights_only=True) for rank in range(ranks)]


@pytest.fixture(scope="module")
def two_ranks(nursery, features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    config = write_config(folder / "toy.py", features, dropout=0.0, hooks=KEEP_RANKS)
    return folder, run_ranks(nursery, config, *PLAIN_STEPS, folder=folder, ranks=2)


def test_both_ranks_end_with_the_weights_of_one_rank_with_the_double_batch(two_ranks, nursery, features, tmp_path):
    _, (first, second) = two_ranks
    assert first["weights"]
    assert all(torch.equal(tensor, second["weights"][name]) for name, tensor in first["weights"].items())
    config = write_config(tmp_path / "toy.py", features, dropout=0.0, batch_size=8, hooks=KEEP_RANKS)
    (alone,) = run_ranks(nursery, config, *PLAIN_STEPS, folder=tmp_path, ranks=1)
    torch.testing.assert_close(first["weights"], alone["weights"], rtol=1e-4, atol=1e-5)


def test_two_ranks_evaluate_as_one(two_ranks, nursery, features, tmp_path):
    trained, _ = two_ranks
    still = ["--cfg-options", f"load_from={trained / 'run' / 'best.pth'}", "train_cfg.max_iters=1"]
    still += ["optim_wrapper.optimizer.lr=0.0", "optim_wrapper.optimizer.weight_decay=0.0"]
    still += ["val_dataloader.dataset.limit=5"]  # no multiple of the ranks: a sampler that pads would show
    figures = []
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        config = write_config(folder / "toy.py", features, dropout=0.0, hooks=KEEP_RANKS)
        figures += [saved["metrics"] for saved in run_ranks(nursery, config, *still, folder=folder, ranks=ranks)]
    alone, first, second = figures
    assert first == second
    assert first
    assert first == alone


def test_signal_to_one_rank_stops_all_after_a_checkpoint(nursery, features, tmp_path):
    config = write_config(tmp_path / "toy.py", features, hooks=[{"type": "SlowSteps", "seconds": 0.2}])
    pids = start_ranks(nursery, config, folder=tmp_path, ranks=2)
    wait_for(tmp_path / "run" / "step_rank1")
    os.kill(pids[1], signal.SIGTERM)
    assert [nursery.wait(pid) for pid in pids] == [PREEMPTED] * 2
    assert (tmp_path / "run" / "last_checkpoint").exists()


def test_config_mistakes_are_told_once_before_workers_start(nursery, features, tmp_path):
    config = write_config(tmp_path / "toy.py", features)
    launched = (config, "--launcher", "pytorch", "--nproc-per-node", 2, "--work-dir", tmp_path / "run")
    wrong = ("--cfg-options", "model.head.dropuot=1", "train_cfg.max_epoch=3")
    assert nursery.train(*launched, *wrong, output=tmp_path / "output") == 2
    text = (tmp_path / "output").read_text()
    assert text.count("dropuot") == 1
    assert "max_epoch:" in text
    assert not (tmp_path / "run").exists()


def test_killed_rank_is_named_and_a_restart_ends_as_if_nothing_had_happened(nursery, features, tmp_path):
    config = write_config(tmp_path / "whole.py", features, interval_iters=1)
    pids = start_ranks(nursery, config, folder=tmp_path, ranks=2)
    assert [nursery.wait(pid) for pid in pids] == [0, 0]
    hooks = [{"type": "FaultAt", "iteration": 2, "fault": "kill", "rank": 1}]
    config = write_config(tmp_path / "killed.py", features, interval_iters=1, hooks=hooks)
    launched = ("--launcher", "pytorch", "--nproc-per-node", 2, "--max-restarts", 1)
    code = nursery.train(config, *launched, "--work-dir", tmp_path / "killed", output=tmp_path / "output")
    text = (tmp_path / "output").read_text()
    assert code == 0, text
    assert "Rank 1 of 2 was killed by SIGKILL" in text
    assert "Resumed" in text
    assert_same_weights(tmp_path / "run", tmp_path / "killed")


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("error", "error: Rank 1 of 2 failed: DataError: The clip is hollow.\n"),
        pytest.param("kill", "error: Rank 1 of 2 was killed by SIGKILL", marks=pytest.mark.slow),
        pytest.param("bug", "Rank 1 of 2 failed: ZeroDivisionError: a bug in somebody's hook", marks=pytest.mark.slow),
    ],
)
def test_failing_rank_ends_all_with_one_error(fault, what, nursery, features, tmp_path):
    hooks = [{"type": "FaultAt", "iteration": 1, "fault": fault, "rank": 1}]
    config = write_config(tmp_path / "toy.py", features, hooks=hooks)
    launched = ("--launcher", "pytorch", "--nproc-per-node", 2, "--work-dir", tmp_path / "run")
    code = nursery.train(config, *launched, output=tmp_path / "output")
    text = (tmp_path / "output").read_text()
    assert time.time() - (tmp_path / "run" / "fault").stat().st_mtime < 60
    assert code == 2
    assert text.count("error: ") == 1
    assert what in text
    assert "Traceback" not in text
    assert (tmp_path / "run" / "failure.txt").exists() == (fault == "bug")


@pytest.mark.slow
def test_interrupt_ends_all_ranks(features, tmp_path):
    config = write_config(tmp_path / "toy.py", features, hooks=[{"type": "SlowSteps", "seconds": 0.5}])
    tool = str(REPOSITORY / "tools" / "train.py")
    arguments = [str(config), "--launcher", "pytorch", "--nproc-per-node", "2", "--work-dir", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, tool, *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=surroundings(),
    )
    wait_for(tmp_path / "run" / "step_rank1")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.rstrip().endswith("interrupted")


@pytest.mark.slow
def test_under_torchrun(features, tmp_path):
    hooks = [*KEEP_RANKS, {"type": "FaultAt", "iteration": 2, "fault": "kill", "rank": 1}]
    config = write_config(tmp_path / "toy.py", features, interval_iters=1, hooks=hooks)
    torchrun = (
        "-m",
        "torch.distributed.run",
        "--nproc-per-node=2",
        "--max-restarts=1",
        f"--master-port={_free_port()}",
    )
    arguments = (config, "--launcher", "pytorch", "--work-dir", tmp_path / "run")
    code, text = run_tool(*arguments, prefix=torchrun, TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1")
    assert code == 0, text
    assert re.search(r"Resumed \S+iter_00000002\.pth", text)
    saved = [torch.load(tmp_path / "run" / f"weights_rank{rank}.pth", weights_only=True) for rank in range(2)]
    assert all(torch.equal(tensor, saved[1]["weights"][name]) for name, tensor in saved[0]["weights"].items())
