"""Two processes on gloo: the same weights on both, losses that are means, skips and exits that all agree on."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from zoo.engine.checkpoint import newest_valid, read_checkpoint

SCRIPT = """
    import os, signal, sys
    sys.path[:0] = [{here!r}]
    import torch
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    from mmengine.hooks import Hook
    from toy_parts import toy_config
    from zoo._compat import end_process
    from zoo.engine.runner import ZooRunner

    rank = torch.distributed.get_rank()

    class Act(Hook):
        priority = "HIGHEST"

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            {act}

    hooks = {{"guard": {{"type": "NonFiniteGuard", "max_skips": 1}}, "signals": {{"type": "SignalHandler"}}}}
    config = toy_config({folder!r}, hooks=hooks, launcher="pytorch", resume="auto", max_epochs=2)
    config["train_dataloader"]["dataset"]["seed"] = rank
    {change}
    runner = ZooRunner.from_cfg(config)
    runner.register_hook(Act())
    model = runner.train()
    total = sum(parameter.detach().double().sum() for parameter in model.parameters())
    steps = runner.optim_wrapper.optimizer.state_dict()["state"][0]["step"]
    print("RESULT", rank, total.item(), torch.rand(1).item(), steps.item())
    torch.distributed.destroy_process_group()
    end_process(0)
"""


def launch(folder, act="pass", *, change="pass", ranks=2, timeout_s=180):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = textwrap.dedent(SCRIPT.format(here=str(Path(__file__).parent), folder=str(folder), act=act, change=change))
    workers = []
    for rank in range(ranks):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {key: str(value) for key, value in place.items()} | {"GLOO_SOCKET_IFNAME": "lo"}
        command = [sys.executable, "-c", script]
        workers.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    try:
        outputs = [worker.communicate(timeout=timeout_s)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    results = [line.split()[2:] for output in outputs for line in output.splitlines() if line.startswith("RESULT")]
    return [worker.returncode for worker in workers], results


@pytest.mark.slow
def test_two_ranks_end_in_one_model_and_resume_exactly(tmp_path):
    codes, results = launch(tmp_path / "straight")
    assert codes == [0, 0]
    (weights, noise, steps), (other_weights, other_noise, _) = results
    assert weights == other_weights
    assert noise != other_noise  # dropout differs between ranks
    assert float(steps) == 10

    stop = "os.kill(os.getpid(), signal.SIGTERM) if rank == 1 and runner.iter == 6 else None"
    codes, results = launch(tmp_path / "stopped", stop)
    assert codes == [75, 75] and not results
    stopped = read_checkpoint(newest_valid(tmp_path / "stopped"))
    assert stopped["loop"]["batches_done"] == 2 and len(stopped["ranks"]) == 2
    codes, results = launch(tmp_path / "stopped")
    assert codes == [0, 0]
    assert [result[:2] for result in results] == [[weights, noise], [other_weights, other_noise]]
    straight, resumed = (read_checkpoint(newest_valid(tmp_path / name)) for name in ("straight", "stopped"))
    assert straight["message_hub"] == resumed["message_hub"]
    assert all(
        torch.equal(straight["state_dict"][name], resumed["state_dict"][name]) for name in straight["state_dict"]
    )
    assert not any(name.startswith("module.") for name in straight["state_dict"])


def test_two_ranks_agree_on_a_loss_that_is_nan_on_one_of_them(tmp_path):
    poison = "setattr(runner.bare_model, 'poison_from', (3,)) if rank == 1 else None"
    codes, results = launch(tmp_path, poison)
    assert codes == [0, 0]
    assert results[0][0] == results[1][0]
    assert [float(result[2]) for result in results] == [9, 9]
    assert [path.name for path in (tmp_path / "nonfinite").glob("*.pth")] == ["iter_00000003_rank1.pth"]


def test_two_ranks_draw_together_what_was_announced(tmp_path):
    codes, _ = launch(tmp_path, change="import test_draw_counts; config |= test_draw_counts.mixed(config)")
    assert codes == [0, 0]
    log = max(tmp_path.glob("*/*.log"), key=lambda path: path.stat().st_size).read_text()
    counts = "16 (other/fake/swap 3, toy/fake/swap 4, toy/real/none 9)"  # of 20, two batches of 2 x 4
    assert f"draws an epoch: {counts}" in log
    assert all(f"epoch {epoch} drew what was announced: {counts}" in log for epoch in (1, 2))


@pytest.mark.slow
def test_a_signal_to_all_ranks_at_once(tmp_path):
    codes, _ = launch(tmp_path, "os.kill(os.getpid(), signal.SIGUSR1) if runner.iter == 3 else None")
    assert codes == [75, 75]
    assert newest_valid(tmp_path).name == "epoch_0000_iter_00000004.pth"
