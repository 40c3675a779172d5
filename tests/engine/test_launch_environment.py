"""What launchers say of a process, the process group, the model wrapper, and the launch options of the commands."""

import argparse
import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch
from mmengine.dist import get_dist_info
from torch import distributed, nn

from zoo.cli._launching import add_launch_options, run_launched
from zoo.engine import launch
from zoo.engine.distributed import DistributedDetector, Place, first_host, place_from_environment, process_group
from zoo.engine.launch import USER_ERROR, _free_port, run_rank
from zoo.errors import ConfigError, DataError, LaunchError

SLURM = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "12345678"}
MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}


def test_torchruns_variables():
    environment = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "node-1", "MASTER_PORT": "4000"}
    assert place_from_environment("pytorch", environment) == Place(3, 4, 1, "node-1", 4000)


def test_slurms_variables():
    place = place_from_environment("slurm", SLURM | {"SLURM_NODELIST": "gpu-[07-09],login1"})
    assert place == Place(5, 8, 1, "gpu-07", 25678)
    assert place_from_environment("slurm", SLURM | {"SLURM_NODELIST": "a", "SLURM_STEP_NODELIST": "b"}).address == "b"
    assert place_from_environment("slurm", SLURM | {"MASTER_ADDR": "c", "MASTER_PORT": "1"}) == Place(5, 8, 1, "c", 1)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("gpu-[07-09,12],login1", "gpu-07"),
        ("gpu[3,5]", "gpu3"),
        ("rack2-n[01-04]-ib", "rack2-n01-ib"),
        ("a1,b[2-3]", "a1"),
    ],
)
def test_first_host_of_a_slurm_node_list(nodes, first):
    assert first_host(nodes) == first


def test_mpis_variables():
    assert place_from_environment("mpi", MPI | {"OMPI_COMM_WORLD_LOCAL_SIZE": "2"}) == Place(
        1, 2, 1, "127.0.0.1", 29500
    )
    assert place_from_environment("mpi", MPI | {"MASTER_ADDR": "node-1"}).address == "node-1"
    with pytest.raises(LaunchError, match="MASTER_ADDR"):
        place_from_environment("mpi", MPI | {"OMPI_COMM_WORLD_LOCAL_SIZE": "1"})


@pytest.mark.parametrize(
    ("launcher", "environment", "what"),
    [
        ("slurm", {}, "SLURM_PROCID is not set"),
        ("slurm", SLURM, "SLURM_NODELIST is not set"),
        ("mpi", {}, "OMPI_COMM_WORLD_RANK is not set"),
        ("pytorch", {"RANK": "0", "WORLD_SIZE": "two"}, "WORLD_SIZE is 'two', not a number"),
    ],
)
def test_absent_variables_are_named(launcher, environment, what):
    with pytest.raises(LaunchError, match=what) as caught:
        place_from_environment(launcher, environment)
    assert caught.value.next_step


def test_process_group_of_one_on_a_cpu_averages_gradients(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "set_device", lambda *_: pytest.fail("no CUDA function may be called"))
    for name, value in {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0, "MASTER_PORT": _free_port()}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with process_group("pytorch"):
        assert distributed.get_backend() == "gloo"
        assert get_dist_info() == (0, 1)
        wrapped = DistributedDetector(nn.Linear(2, 1))
        assert wrapped.device_ids is None
        wrapped(torch.ones(3, 2)).sum().backward()
        assert wrapped.module.weight.grad.tolist() == [[3.0, 3.0]]
    assert not distributed.is_initialized()


def test_no_launcher_no_process_group():
    with process_group("none"):
        assert not distributed.is_initialized()


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_launch_options(parser)
    return parser.parse_args(arguments)


def launched(*arguments):
    return run_launched(parse(*arguments), ["train"], prepare=lambda: None, body=lambda: 7)


def test_without_a_launcher_the_body_runs_here():
    assert launched() == 7
    assert launched("--local-rank", "0") == launched("--local_rank=0") == 7


@pytest.mark.parametrize("variable", ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"])
def test_ranks_without_a_supervisor_say_what_concerns_them(variable, monkeypatch):
    def failing(error):
        def body():
            raise error

        return body

    for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "1")
    assert run_rank(failing(ConfigError("typo"))) == USER_ERROR
    with pytest.raises(LaunchError, match="Rank 1 failed: DataError: hollow"):
        run_rank(failing(DataError("hollow")))
    with pytest.raises(ZeroDivisionError):
        run_rank(failing(ZeroDivisionError()))
    monkeypatch.setenv(variable, "0")
    with pytest.raises(ConfigError, match="typo"):
        run_rank(failing(ConfigError("typo")))


def test_supervised_rank_leaves_its_reason_in_the_error_file(monkeypatch, tmp_path):
    def body():
        raise DataError("hollow", where="clip007")

    monkeypatch.setattr(launch, "_end_with", lambda supervisor: None)
    monkeypatch.setenv("ZOO_SUPERVISOR_PID", "1")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    assert run_rank(body) == USER_ERROR
    message = json.loads((tmp_path / "error.json").read_text())["message"]
    assert message["message"] == "DataError: hollow\n  where: clip007"
    assert "Traceback" in message["extraInfo"]["py_callstack"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--nproc-per-node", "2"], "--nproc-per-node has no meaning with --launcher none"),
        (["--max-restarts", "2", "--launcher", "slurm"], "--max-restarts has no meaning with --launcher slurm"),
        (["--gpu", "0,1"], "names 2 GPUs, but --launcher none uses one"),
        (["--gpu", "0,0", "--launcher", "pytorch"], "not a list of different GPU numbers"),
        (["--gpu", "first"], "not a list"),
        (["--gpu", "0"], "no usable CUDA GPU"),
    ],
)
def test_options_that_contradict_themselves_or_the_machine(arguments, what, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(LaunchError, match=what):
        launched(*arguments)


def test_gpus_are_chosen_before_the_body_runs(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    run_launched(
        parse("--gpu", "3"),
        ["train"],
        prepare=lambda: None,
        body=lambda: 0 if os.environ["CUDA_VISIBLE_DEVICES"] == "3" else pytest.fail("GPUs are not chosen"),
    )


def test_a_rank_ends_with_its_code_its_output_and_its_exit_functions():
    script = """
        import atexit, os, sys
        from zoo._compat import end_process

        class Stubborn:
            def __del__(self):
                os.write(1, b"finalised")

        kept = Stubborn()
        atexit.register(print, "exit function")
        print("output", end="; ")
        end_process(7)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "output; exit function\n", "")
